import Foundation
import Synchronization
import SystemCalls
import TestSupport

/// A disk that fails or stops at a chosen call, and that can lose what was not synced.
///
/// The files are real; this knows which part of them a power failure could take.
final class FaultyDisk: FileFaults {
  enum Fault: Sendable {
    case error(Errno)
    /// A write of at most that many bytes; it succeeds.
    case shortWrite(Int)
    /// Nothing is done from this call on.
    case crashBefore
    /// Nothing is done after this call.
    case crashAfter
    /// A write of at most that many bytes, and nothing after it; another call is not made.
    case crashDuring(Int)
  }

  private enum DirectoryChange {
    case created(String)
    case renamed(String, String)
    case removed(String, Data)
  }

  private struct State {
    var calls = 0
    var log: [FileCall] = []
    var fault: (call: Int, fault: Fault)?
    /// Every call of a kind fails, such as reserving space on a full disk.
    var failing: [FileCall.Kind: Errno] = [:]
    var crashesAfterThis = false
    var hasCrashed = false
    var lengths: [String: Int64] = [:]
    var syncedLengths: [String: Int64] = [:]
    var unsyncedChanges: [DirectoryChange] = []
  }

  private let state = Mutex(State())

  /// - Parameters:
  ///   - fault: what happens.
  ///   - call: at which call, from 1.
  init(_ fault: Fault? = nil, at call: Int = 0) { arm(fault, at: call) }

  /// How many calls were made since the disk was armed.
  var calls: Int { state.withLock { $0.calls } }
  var log: [FileCall] { state.withLock { $0.log } }
  var hasCrashed: Bool { state.withLock { $0.hasCrashed } }

  func arm(_ fault: Fault?, at call: Int = 0) {
    state.withLock {
      $0.calls = 0
      $0.log = []
      $0.fault = fault.map { (call, $0) }
    }
  }

  func set(_ kind: FileCall.Kind, failing error: Errno?) { state.withLock { $0.failing[kind] = error } }

  // MARK: The seam

  func verdict(on call: FileCall) -> FaultVerdict {
    state.withLock { state in
      if state.hasCrashed { return .fail(.inputOutput) }
      state.calls += 1
      state.log.append(call)
      if let error = state.failing[call.kind] { return .fail(error) }
      let verdict = Self.verdict(&state, call)
      if verdict != .fail(.inputOutput), call.kind == .remove, let content = try? Self.content(call.path) {
        state.unsyncedChanges.append(.removed(call.path, content))
      }
      return verdict
    }
  }

  private static func verdict(_ state: inout State, _ call: FileCall) -> FaultVerdict {
    guard let (number, fault) = state.fault, number == state.calls else { return .proceed }
    switch fault {
    case .error(let error): return .fail(error)
    case .shortWrite(let count): return [.write, .clear].contains(call.kind) ? .limit(count) : .proceed
    case .crashAfter: state.crashesAfterThis = true
    case .crashDuring(let count) where [.write, .clear].contains(call.kind):
      state.crashesAfterThis = true
      return .limit(count)
    case .crashBefore, .crashDuring:
      state.hasCrashed = true
      return .fail(.inputOutput)
    }
    return .proceed
  }

  func succeeded(_ call: FileCall, result: Int) {
    state.withLock { state in
      switch call.kind {
      case .open where call.creates:
        state.lengths[call.path] = 0
        state.syncedLengths[call.path] = 0
        state.unsyncedChanges.append(.created(call.path))
      case .write: state.lengths[call.path] = max(state.lengths[call.path] ?? 0, call.offset + Int64(result))
      case .sync: state.syncedLengths[call.path] = state.lengths[call.path]
      case .truncate:
        state.lengths[call.path] = call.offset
        state.syncedLengths[call.path] = call.offset
      case .rename:
        let target = call.target ?? ""
        state.lengths[target] = state.lengths.removeValue(forKey: call.path)
        state.syncedLengths[target] = state.syncedLengths.removeValue(forKey: call.path)
        state.unsyncedChanges.append(.renamed(call.path, target))
      case .syncDirectory: state.unsyncedChanges = []
      default: break
      }
      if state.crashesAfterThis { state.hasCrashed = true }
    }
  }

  // MARK: What is left after a crash

  /// The process was killed: everything written is there, though not all of it on the disk yet.
  func restart() {
    state.withLock { state in
      state.calls = 0
      state.log = []
      state.fault = nil
      state.crashesAfterThis = false
      state.hasCrashed = false
    }
  }

  /// The power failed: changes of names are undone from the last one back, as far as chance has it, and
  /// of each file a part of what was not synced is missing or wrong.
  func restartAfterPowerLoss(_ generator: inout SeededGenerator) throws {
    restart()
    var random = generator
    try state.withLock { state in
      let undone = Int.random(in: 0...state.unsyncedChanges.count, using: &random)
      for change in state.unsyncedChanges.suffix(undone).reversed() { try Self.undo(change, &state) }
      for (path, length) in state.lengths.sorted(by: { $0.key < $1.key }) {
        let kept = try Self.loseTail(
          of: path, synced: state.syncedLengths[path] ?? 0, length: length, &random)
        state.lengths[path] = kept
        state.syncedLengths[path] = kept
      }
      state.unsyncedChanges = []
    }
    generator = random
  }

  private static func undo(_ change: DirectoryChange, _ state: inout State) throws {
    switch change {
    case .created(let path):
      try? FileManager.default.removeItem(atPath: path)
      state.lengths[path] = nil
    case .renamed(let old, let new):
      try FileManager.default.moveItem(atPath: new, toPath: old)
      state.lengths[old] = state.lengths.removeValue(forKey: new)
      state.syncedLengths[old] = state.syncedLengths.removeValue(forKey: new)
    case .removed(let path, let content):
      try content.write(to: URL(fileURLWithPath: path))
    }
  }

  private static func loseTail(
    of path: String, synced: Int64, length: Int64, _ random: inout SeededGenerator
  ) throws -> Int64 {
    guard length > synced, FileManager.default.fileExists(atPath: path) else { return length }
    var content = try Self.content(path)
    let reserved = content.count
    let kept = Int(Int64.random(in: synced...length, using: &random))
    content = content.prefix(kept)
    if kept > Int(synced), Bool.random(using: &random) {
      let start = Int.random(in: Int(synced)..<kept, using: &random)
      let end = Int.random(in: start..<kept, using: &random)
      // Pages that were never written read as zeros.
      for index in start...end { content[index] = 0 }
    }
    // Reserved space may survive the length of what was written into it.
    if reserved > Int(length), Bool.random(using: &random) {
      content.append(contentsOf: [UInt8](repeating: 0, count: reserved - content.count))
    }
    try content.write(to: URL(fileURLWithPath: path))
    return Int64(kept)
  }

  private static func content(_ path: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: path))
  }
}
