internal import StrictJSON

/// Lines that have their numbers and are not in the chain yet: what goes into it together, in this order.
struct PendingLines: Sendable {
  private(set) var lines: [(time: Int64, members: JSONObject)] = []
  /// Whether the first of them begins a file.
  private(set) var startsFile = false
  /// What they take at most, in bytes.
  private(set) var bytes: Int64 = 0

  /// What the log adds to each line: number, hashes, time, name and punctuation, in bytes.
  private static let overhead: Int64 = 512

  var isEmpty: Bool { lines.isEmpty }

  /// - Parameter startsFile: whether the line begins a file. Assumes that it is the first one then.
  mutating func append(_ members: JSONObject, time: Int64, startsFile: Bool = false) {
    lines.append((time, members))
    bytes += Int64(JSONValue.object(members).serializedCount) + Self.overhead
    if startsFile { self.startsFile = true }
  }
}
