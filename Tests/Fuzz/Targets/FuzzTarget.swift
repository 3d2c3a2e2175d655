import Dispatch
import Synchronization

/// A reader of what others wrote, and what must hold of it whatever they wrote.
struct FuzzTarget: Sendable {
  /// The name of its corpus and of its dictionary.
  let name: String
  /// Reads an input. Whatever it throws, and whatever traps in it, is a defect.
  let run: @Sendable (_ input: [UInt8]) async throws -> Void
  /// The same for a thread that may be blocked.
  let runBlocking: @Sendable (_ input: [UInt8]) throws -> Void

  init(_ name: String, _ run: @escaping @Sendable (_ input: [UInt8]) throws -> Void) {
    self.name = name
    self.run = run
    runBlocking = run
  }

  /// One that has something for itself which there is once only, such as a folder.
  init(_ name: String, alone run: @escaping @Sendable (_ input: [UInt8]) throws -> Void) {
    let turn = Turn()
    self.init(name) { input in try turn.take { try run(input) } }
  }

  /// One that asks actors.
  init(_ name: String, asking run: @escaping @Sendable (_ input: [UInt8]) async throws -> Void) {
    self.name = name
    self.run = run
    runBlocking = { input in try wait { try await run(input) } }
  }

  static let all = [
    json, frame, yaml, names, advertisement, sshKey, journal, laneFrame, audit,
    request, fetch, http, multiplexing, tag, trust, credential, configuration,
  ]
}

/// Something that must hold and did not.
struct BrokenProperty: Error, CustomStringConvertible {
  let description: String
}

/// - Throws: ``BrokenProperty`` where it does not hold.
func check(_ holds: Bool, _ property: @autoclosure () -> String) throws(BrokenProperty) {
  if !holds { throw BrokenProperty(description: property()) }
}

/// Text that people are shown has nothing that hides, moves or ends what stands around it.
///
/// - Parameter limit: of its length, in bytes.
func checkShown(_ text: String, limit: Int, _ what: @autoclosure () -> String) throws(BrokenProperty) {
  try check(text.utf8.count <= limit, "\(what()) has \(text.utf8.count) bytes")
  let isUnfit: (Unicode.Scalar) -> Bool = { scalar in
    (scalar.value < 0x20 && scalar != "\n") || (0x7F...0x9F).contains(scalar.value)
      || (0x2028...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
  }
  try check(!text.unicodeScalars.contains(where: isUnfit), "\(what()) holds a control character")
}

private func wait(_ body: @escaping @Sendable () async throws -> Void) throws {
  let isOver = DispatchSemaphore(value: 0)
  let failure = Failure()
  Task {
    do { try await body() } catch { failure.set(error) }
    isOver.signal()
  }
  isOver.wait()
  try failure.check()
}

private final class Turn: Sendable {
  private let mutex = Mutex(())

  func take(_ body: () throws -> Void) throws { try mutex.withLock { _ in try body() } }
}

private final class Failure: Sendable {
  private let error = Mutex<(any Error)?>(nil)

  func set(_ error: any Error) { self.error.withLock { $0 = error } }

  func check() throws { if let error = error.withLock({ $0 }) { throw error } }
}
