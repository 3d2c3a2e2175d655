import AuditLog
import Dispatch
import Foundation
import StrictJSON
import Synchronization
import SystemCalls
import TestSupport

extension SHA256 {
  /// The digest of all the bytes, in lower-case hexadecimal digits.
  static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    var hash = SHA256()
    hash.update(Array(bytes))
    return hash.hexadecimal
  }
}

/// A log in a directory of its own, with a clock that a test moves.
final class LogFixture: Sendable {
  let directory: TemporaryDirectory
  let path: String
  /// In milliseconds since 1970.
  let clock = Mutex<Int64>(1_800_000_000_000)
  let reports = Mutex<[String]>([])

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.appending("audit")
  }

  func open(
    _ settings: AuditSettings = AuditSettings(), carried: [CarriedEntries] = [],
    faults: (any FileFaults)? = nil
  ) throws -> AuditLog {
    try AuditLog.open(
      directory: path, worker: "0123456789ab", settings: settings, carried: carried, faults: faults,
      now: { [self] in clock.withLock { $0 } },
      report: { [self] report in reports.withLock { $0.append("\(report)") } })
  }

  func files() throws -> [String] { try Files.names(in: path).filter { $0.hasSuffix(".jsonl") }.sorted() }

  func read(_ name: String) throws -> [UInt8] { try Files.read("\(path)/\(name)", limit: 1 << 30) }

  func write(_ name: String, _ bytes: [UInt8]) throws { try Files.replace("\(path)/\(name)", with: bytes) }

  /// All lines as JSON, in order.
  func lines(_ filter: AuditFilter = AuditFilter()) throws -> [JSONValue] {
    var reader = AuditReader(path, filter)
    var lines: [JSONValue] = []
    try reader.read { lines.append($0) }
    return lines
  }

  func verify(head: String? = nil, expected: [AuditHead] = []) throws -> AuditVerifier.Report {
    try AuditVerifier.verify(path, head: head, expected: expected)
  }
}

extension AuditEntry {
  /// Something to record, different for each number.
  static func sample(_ number: Int, uid: UInt32 = 1000) -> AuditEntry {
    var entry = AuditEntry(number % 2 == 0 ? .request : .effect)
    if number % 2 == 0 { entry.decision = .allowed } else { entry.outcome = .pushed }
    entry.action = "assign"
    entry.peer = Peer(uid: uid, gid: 1000, pid: Int32(number + 1), user: "anna")
    entry.tenant = "churn"
    entry.rule = "grants[0]"
    entry.repository = "demo"
    entry.artifact = "model"
    entry.stage = "prod"
    entry.job = "\(number)"
    return entry
  }

  static func denial(_ artifact: String, uid: UInt32 = 1000, pid: Int32 = 7) -> AuditEntry {
    var entry = AuditEntry(.request)
    entry.decision = .denied
    entry.action = "assign"
    entry.peer = Peer(uid: uid, pid: pid)
    entry.repository = "demo"
    entry.artifact = artifact
    entry.code = "not_allowed"
    return entry
  }
}

/// A disk whose syncs wait for a gate.
final class HeldDisk: FileFaults {
  private let isHeld = Mutex(false)
  private let gate = DispatchSemaphore(value: 0)

  func hold() { isHeld.withLock { $0 = true } }

  func letGo() {
    isHeld.withLock { $0 = false }
    gate.signal()
  }

  func verdict(on call: FileCall) -> FaultVerdict {
    if call.kind == .sync, isHeld.withLock({ $0 }) { gate.wait() }
    return .proceed
  }

  func succeeded(_ call: FileCall, result: Int) {}
}

/// A disk on which calls of one kind fail while a test wants it.
final class FailingDisk: FileFaults {
  private let state = Mutex<(failing: [FileCall.Kind: Errno], calls: [FileCall.Kind])>(([:], []))
  private let syncGate = Mutex<DispatchSemaphore?>(nil)

  func set(_ kind: FileCall.Kind, _ error: Errno?) { state.withLock { $0.failing[kind] = error } }

  func count(_ kind: FileCall.Kind) -> Int { state.withLock { $0.calls.filter { $0 == kind }.count } }

  /// Has synchronizing wait until ``releaseSyncs()``.
  func holdSyncs() { syncGate.withLock { $0 = DispatchSemaphore(value: 0) } }

  func releaseSyncs() { syncGate.withLock { $0 }?.signal() }

  func verdict(on call: FileCall) -> FaultVerdict {
    let verdict: FaultVerdict = state.withLock { state in
      state.calls.append(call.kind)
      return state.failing[call.kind].map { .fail($0) } ?? .proceed
    }
    if call.kind == .sync, let gate = syncGate.withLock({ $0 }) {
      gate.wait()
      gate.signal()
    }
    return verdict
  }

  func succeeded(_ call: FileCall, result: Int) {}
}
