@testable import GitRemote

/// A connection that delivers pieces and hears nothing.
final class ScriptedConnection: ServiceConnection {
  private var pieces: ArraySlice<[UInt8]>

  init(_ pieces: [[UInt8]]) { self.pieces = pieces[...] }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(GitRemoteError) -> Int {
    guard let piece = pieces.popFirst() else { return 0 }
    let count = min(piece.count, buffer.count)
    buffer.copyBytes(from: piece.prefix(count))
    if count < piece.count { pieces.insert(Array(piece.dropFirst(count)), at: pieces.startIndex) }
    return count
  }

  func send(_ request: [UInt8]) throws(GitRemoteError) {}
  func unexpectedEnd() -> GitRemoteError { GitRemoteError(.remoteHungUp, "push", "the script is over") }
  let requestWasRefused = false
  let canBeLeft = false
  let hasEnded = false
  func isOver() -> Bool { pieces.isEmpty }
  func finish() {}
  func close() {}
}
