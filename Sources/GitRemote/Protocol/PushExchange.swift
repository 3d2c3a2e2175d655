/// A ref to create or to delete.
public struct PushedRef: Hashable, Sendable {
  /// The full name, such as `refs/tags/churn@v1.0.0`.
  public let name: String
  /// The object that it is to have, or that it must have to be deleted.
  public let id: ObjectID
  public let isDeletion: Bool
  /// Of refs with the same number none is sent where one of them can't be; nil: it has nothing to do with others.
  public let group: Int?

  public init(name: String, id: ObjectID, group: Int? = nil) {
    self.init(name: name, id: id, isDeletion: false, group: group)
  }

  public init(deleting name: String, at id: ObjectID, group: Int? = nil) {
    self.init(name: name, id: id, isDeletion: true, group: group)
  }

  private init(name: String, id: ObjectID, isDeletion: Bool, group: Int?) {
    self.name = name
    self.id = id
    self.isDeletion = isDeletion
    self.group = group
  }

  /// The line of gitprotocol-pack, "Reference Update Request": what there is and what there shall be.
  fileprivate var command: String {
    isDeletion ? "\(id) \(ObjectID.zero) \(name)" : "\(ObjectID.zero) \(id) \(name)"
  }
}

/// What a receive-pack service answered (gitprotocol-pack, "Report Status").
struct PushAnswer {
  /// `ok`, or why the pack was not taken, in the server's words.
  var unpack = ""
  /// The reason in the server's words for each ref that was refused; nil for one that was made.
  var refs: [String: String?] = [:]
  /// What hooks said.
  var words: [UInt8] = []

  /// A ref's reason, with that of the pack where it says no more than that the pack was not taken.
  func completed(_ reason: String) -> String {
    reason == "unpacker error" && unpack != "ok" && !unpack.isEmpty ? "\(reason): \(unpack)" : reason
  }
}

extension Conversation {
  /// Asks to create and delete these refs and reads the answer. The conversation is over then.
  ///
  /// - Parameter pack: nothing where all are deletions.
  /// - Throws: with ``GitRemoteError/outcomeUnknown`` set from the first byte sent on.
  func push(_ refs: [PushedRef], pack: [UInt8]) throws(GitRemoteError) -> PushAnswer {
    try advertisement.requires("report-status", operation)
    let sideband = advertisement.capabilities.contains("side-band-64k")
    reader.allowance = limits.sidebandText + (16 << 20)
    do throws(GitRemoteError) {
      try connection.send(encoded(refs, pack: pack, sideband: sideband))
      let answer = try sideband ? readSidebandAnswer() : readPlainAnswer()
      markSaid()
      return answer
    } catch {
      throw connection.requestWasRefused ? error : error.withUnknownOutcome()
    }
  }

  private func encoded(_ refs: [PushedRef], pack: [UInt8], sideband: Bool) -> [UInt8] {
    var writer = PacketWriter()
    var capabilities = ["report-status", Self.agent]
    if sideband { capabilities.append("side-band-64k") }
    // All or none: what was to come later must not land when what was to come first did not.
    if refs.count > 1, advertisement.capabilities.contains("atomic") { capabilities.append("atomic") }
    if advertisement.capabilities.contains("quiet") { capabilities.append("quiet") }
    for (index, ref) in refs.enumerated() {
      let suffix = index == 0 ? "\0 " + capabilities.joined(separator: " ") : ""
      writer.line(ref.command + suffix)
    }
    writer.flush()
    writer.raw(pack)
    return writer.bytes
  }

  private func readSidebandAnswer() throws(GitRemoteError) -> PushAnswer {
    var band = Sideband(reader, operation: operation, wordsLimit: limits.sidebandText)
    var report = ReportParser()
    // What follows the report (post-receive hooks, tidying up) changes nothing and may take its time.
    do throws(GitRemoteError) {
      while !report.isComplete, let piece = try band.next() {
        guard report.append(piece) else { throw reader.violation("a malformed report of the push") }
      }
    } catch {
      throw error.saying(ServerText.sanitized(band.words))
    }
    guard report.isComplete else {
      throw connection.unexpectedEnd().saying(ServerText.sanitized(band.words))
    }
    if !connection.canBeLeft { band.skipRest() }
    report.answer.words = band.words
    return report.answer
  }

  private func readPlainAnswer() throws(GitRemoteError) -> PushAnswer {
    var report = ReportParser()
    while case .data(let line) = try reader.next() { report.take(line) }
    return report.answer
  }
}

/// Reads the report's lines, which come as packets within the packets of channel 1.
struct ReportParser {
  var answer = PushAnswer()
  private(set) var isComplete = false
  private var pending: [UInt8] = []

  /// Takes a piece; false when it is not a report. Takes linear time, however short the packets are.
  mutating func append(_ piece: UnsafeRawBufferPointer) -> Bool {
    pending += piece
    var start = 0
    defer { pending.removeFirst(start) }
    while !isComplete, pending.count - start >= 4 {
      let digits = pending[start..<start + 4].map(hexValue)
      guard digits.allSatisfy({ $0 < 16 }) else { return false }
      let length = digits.reduce(0) { $0 << 4 | Int($1) }
      isComplete = length == 0
      guard isComplete || length >= 4 else { return false }
      if pending.count - start < length { return true }
      if !isComplete { pending[start + 4..<start + length].withUnsafeBytes { take($0) } }
      start += max(length, 4)
    }
    return true
  }

  mutating func take(_ packet: UnsafeRawBufferPointer) {
    let line = ServerText.sanitized(packet, limit: 4096)
    let words = line.split(separator: " ", maxSplits: 2).map(String.init)
    switch words.first {
    case "unpack": answer.unpack = words.dropFirst().joined(separator: " ")
    case "ok" where words.count >= 2: answer.refs[words[1]] = .some(nil)
    case "ng" where words.count >= 2: answer.refs[words[1]] = .some(words.count > 2 ? words[2] : "refused")
    default: break
    }
  }
}
