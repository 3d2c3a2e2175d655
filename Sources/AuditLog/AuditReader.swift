public import StrictJSON
public import SystemCalls
internal import WireProtocol

/// Which lines to show. Every condition that is set must hold.
public struct AuditFilter: Sendable {
  /// In milliseconds since 1970; the first is within, the second is not.
  public var since: Int64?
  public var until: Int64?
  public var uid: Int64?
  /// The values that members must have, by the member's name; compared as bytes.
  public var members: [String: String] = [:]
  public var user: String?

  public init() {}

  func matches(_ line: JSONValue) -> Bool {
    if since != nil || until != nil {
      guard let time = line["time"]?.stringValue.flatMap({ milliseconds(timestamp: $0) }) else {
        return false
      }
      if let since, time < since { return false }
      if let until, time >= until { return false }
    }
    if let uid, line["peer"]?["uid"] != .integer(uid) { return false }
    if let user, line["peer"]?["user"] != .string(user) { return false }
    return members.allSatisfy { line[$0.key] == .string($0.value) }
  }
}

/// Reads the lines of a log in their order, also while a worker writes it.
public struct AuditReader {
  private let directory: String
  private let filter: AuditFilter
  /// Where reading goes on: a file, and the bytes of it that were read.
  private var place: (file: UInt64, offset: Int) = (0, 0)
  /// Lines that could not be read so far: they are left out.
  public private(set) var unreadable = 0

  public init(_ directory: String, _ filter: AuditFilter) {
    self.directory = directory
    self.filter = filter
  }

  /// Gives the lines that have come since the last call to the body, at first all.
  public mutating func read(_ body: (JSONValue) -> Void) throws(SystemCallError) {
    let numbers = try Files.names(in: directory).compactMap { AuditFormat.file(name: $0) }.sorted()
    for number in numbers where number >= place.file {
      let bytes: [UInt8]
      do throws(SystemCallError) {
        bytes = try Files.read(
          "\(directory)/\(AuditFormat.name(file: number))", limit: AuditFormat.maximumFile)
      } catch {
        // Removed meanwhile as too old.
        if error.errno == .noSuchFile { continue }
        throw error
      }
      // A worker makes the next file before it has anything to write there.
      if bytes.isEmpty { continue }
      if number > place.file { place = (number, 0) }
      guard bytes.count > place.offset else { continue }
      let lines = AuditLines(Array(bytes[place.offset...]))
      for element in lines.elements {
        guard let line = element.line else {
          unreadable += 1
          continue
        }
        if filter.matches(line.json) { body(line.json) }
      }
      place.offset = bytes.count - lines.unfinished.count
    }
  }

  /// Whether a directory holds files of a log.
  public static func isLog(_ directory: String) -> Bool {
    ((try? Files.names(in: directory)) ?? []).contains { AuditFormat.file(name: $0) != nil }
  }
}
