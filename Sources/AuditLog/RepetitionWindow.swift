/// What keeps denials, and what is asked again and again, from filling the disk or from rotating away what others did: of
/// equal ones of one uid within a span the first is written at once and the others are counted; of different ones a few
/// are written and the others are counted together.
/// Holds no I/O and reads no clock.
struct RepetitionWindow: Sendable {
  /// How many different ones of one uid get lines of their own in a span.
  static let linesPerUser = 16
  /// How many uids are told apart in a span; all others share one window.
  static let users = 256

  fileprivate struct User: Sendable {
    /// In milliseconds since 1970.
    let began: Int64
    /// How often each was repeated after its line.
    var repeated: [AuditEntry: Int] = [:]
    var order: [AuditEntry] = []
    var others = 0
  }

  /// By uid; nil for all that are not told apart.
  private var open: [UInt32?: User] = [:]
  /// In milliseconds.
  var span: Int64
  private let decision: AuditEntry.Decision

  init(of decision: AuditEntry.Decision, seconds: Int) {
    self.decision = decision
    span = Int64(seconds) * 1000
  }

  var isEmpty: Bool { open.isEmpty }

  /// Takes one.
  ///
  /// - Returns: what to write now.
  mutating func note(_ entry: AuditEntry, now: Int64) -> [AuditEntry] {
    let due = takeDue(now: now)
    var key = entry.withoutProcess
    let uid: UInt32? = entry.peer.flatMap { open[$0.uid] != nil || open.count < Self.users ? $0.uid : nil }
    if uid == nil { key.peer = nil }
    var user = open[uid] ?? User(began: now)
    defer { open[uid] = user }
    if let count = user.repeated[key] {
      user.repeated[key] = count + 1
      return due
    }
    guard user.order.count < Self.linesPerUser else {
      user.others += 1
      return due
    }
    user.repeated[key] = 0
    user.order.append(key)
    return due + [entry]
  }

  /// Ends the spans that are over.
  ///
  /// - Returns: what to write: a summary for each that was repeated.
  mutating func takeDue(now: Int64) -> [AuditEntry] {
    // A clock that was put back must not keep a span open for ever.
    let ended = open.filter { now - $0.value.began >= span || now < $0.value.began }
    for uid in ended.keys { open[uid] = nil }
    return ended.sorted { ($0.key ?? .max) < ($1.key ?? .max) }.flatMap {
      $0.value.summaries(decision, uid: $0.key)
    }
  }

  /// Ends all spans.
  mutating func takeAll() -> [AuditEntry] {
    defer { open = [:] }
    return open.sorted { ($0.key ?? .max) < ($1.key ?? .max) }.flatMap {
      $0.value.summaries(decision, uid: $0.key)
    }
  }
}

extension RepetitionWindow.User {
  fileprivate func summaries(_ decision: AuditEntry.Decision, uid: UInt32?) -> [AuditEntry] {
    var summaries: [AuditEntry] = order.compactMap { entry in
      guard let count = repeated[entry], count > 0 else { return nil }
      var summary = entry
      summary.count = count
      summary.since = began
      return summary
    }
    if others > 0 {
      var summary = AuditEntry(.request)
      summary.decision = decision
      summary.peer = uid.map { AuditEntry.Peer(uid: $0) }
      summary.count = others
      summary.since = began
      summaries.append(summary)
    }
    return summaries
  }
}

extension AuditEntry {
  /// What makes two equal: who was denied or allowed what, whichever process it was.
  fileprivate var withoutProcess: AuditEntry {
    var copy = self
    copy.peer?.pid = nil
    return copy
  }
}
