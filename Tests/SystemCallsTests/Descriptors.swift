import SystemCalls
import TestSupport

/// The connection that waits at a listener.
func acceptWaiting(_ listener: borrowing FileDescriptor) throws -> FileDescriptor {
  guard let descriptor = try UnixSocket.accept(from: listener) else {
    throw Program.Failure("nobody waits")
  }
  return descriptor
}

/// Whether somebody waits at a listener, who is then accepted and closed.
func somebodyWaits(_ listener: borrowing FileDescriptor) throws -> Bool {
  guard let descriptor = try UnixSocket.accept(from: listener) else { return false }
  try descriptor.close()
  return true
}

/// Whether a lock can be had at the moment; it is given back at once.
func canLock(_ path: String) throws -> Bool {
  guard let lock = try Files.lock(path) else { return false }
  try lock.close()
  return true
}
