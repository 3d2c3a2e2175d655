internal import StrictJSON
internal import WireProtocol

/// The last line of the log: what to keep elsewhere, and to hold the log against later.
public struct AuditHead: Sendable, Equatable, CustomStringConvertible {
  /// The line's number; 0 where there is none.
  public var sequence: UInt64
  /// SHA-256 of the line without its line break, in hexadecimal digits.
  public var hash: String

  public init(sequence: UInt64, hash: String) {
    self.sequence = sequence
    self.hash = hash
  }

  /// What the first line of all follows.
  static let none = AuditHead(sequence: 0, hash: String(repeating: "0", count: 64))

  public var description: String { "\(sequence):\(hash)" }

  /// Reads `SEQ:HASH`.
  public init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let sequence = UInt64(parts[0]), Self.isHash(parts[1]) else { return nil }
    self.init(sequence: sequence, hash: String(parts[1]))
  }

  /// Whether a text is 64 lower-case hexadecimal digits.
  public static func isHash(_ text: some StringProtocol) -> Bool {
    text.utf8.count == 64
      && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }
}

/// The lines of the log, format version 1. Source: docs/audit.md.
///
/// A line is one JSON object without white space, in UTF-8, ended by a line feed. It begins with `seq`,
/// `previous` and `commit`, and ends with `check`: the first 16 hexadecimal digits of the SHA-256 of the line
/// up to the comma before it.
///
/// `commit` is the number of the first line that was not known to be synced when this one was written: all lines
/// before that were durable. So a line that can't be read is known to have been damaged later, when a readable one of
/// a later commit follows; and is an unfinished write when none does.
enum AuditFormat {
  static let version: Int64 = 1
  static let checkDigits = 16
  private static let checkKey = Array(#","check":""#.utf8)
  /// What follows the checked part: the key, the digits, a quotation mark and a brace.
  static let tailLength = checkKey.count + checkDigits + 2
  /// Longer lines are not believed, in bytes.
  static let maximumLine = 64 * 1024
  static let maximumFile = 1 << 40
  static let maximumDepth = 8

  /// The name of a file.
  static func name(file: UInt64) -> String {
    let number = String(file)
    return "audit-" + String(repeating: "0", count: max(0, 10 - number.count)) + number + ".jsonl"
  }

  /// The number of the file of that name; nil for other files.
  static func file(name: String) -> UInt64? {
    guard name.hasPrefix("audit-"), name.hasSuffix(".jsonl"),
      let number = UInt64(name.dropFirst(6).dropLast(6))
    else { return nil }
    return Self.name(file: number) == name ? number : nil
  }

  /// One line with its line feed, and its hash.
  static func line(
    _ object: JSONObject, after head: AuditHead, commit: UInt64, time: Int64,
    worker: String
  ) -> (bytes: [UInt8], hash: String) {
    let first: [(key: String, value: JSONValue)] = [
      ("seq", .integer(Int64(clamping: head.sequence + 1))), ("previous", .string(head.hash)),
      ("commit", .integer(Int64(clamping: commit))), ("time", .string(timestamp(milliseconds: time))),
      ("worker", .string(worker)),
    ]
    var bytes = JSONValue.object(JSONObject(distinct: first + object.members)).serialized()
    bytes.removeLast()
    var hash = SHA256()
    hash.update(bytes)
    let tail = checkKey + hash.hexadecimal.utf8.prefix(checkDigits) + Array(#""}"#.utf8)
    hash.update(tail)
    return (bytes + tail + [0x0A], hash.hexadecimal)
  }

  /// Hashes a line without its line feed.
  ///
  /// - Returns: its hash, and whether its check is right.
  static func judge(_ line: ArraySlice<UInt8>) -> (hash: String, isChecked: Bool) {
    var hash = SHA256()
    guard line.count > tailLength else {
      hash.update(line)
      return (hash.hexadecimal, false)
    }
    hash.update(line.dropLast(tailLength))
    let expected = checkKey + hash.hexadecimal.utf8.prefix(checkDigits) + Array(#""}"#.utf8)
    let tail = line.suffix(tailLength)
    hash.update(tail)
    return (hash.hexadecimal, tail.elementsEqual(expected))
  }
}
