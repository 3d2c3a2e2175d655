/// A value that has another shape than the one asked for, and where it stands.
public struct JSONShapeError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Where, from the root: `repositories.churn.url`, `tags[2]`.
  public let path: String
  public let message: String

  public init(path: String, message: String) {
    self.path = path
    self.message = message
  }

  public var description: String { path.isEmpty ? message : "\(path): \(message)" }
}

/// Reads the members of one object, each by its name and type, and at the end refuses what nobody asked
/// for: an unknown key is more often a misspelt one than a harmless one.
public struct ObjectReader {
  public let path: String
  private let object: JSONObject
  private var asked: [String] = []
  /// Whether every member was asked for.
  private var askedForAll = false

  /// - Parameter path: where the value stands, for error messages; empty at the root.
  public init(_ value: JSONValue, path: String = "") throws(JSONShapeError) {
    guard case .object(let object) = value else {
      throw JSONShapeError(path: path, message: "expected an object, found \(value.kind)")
    }
    self.object = object
    self.path = path
    asked.reserveCapacity(16)
  }

  /// The path of a member.
  public func path(of key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  /// An error at a member.
  public func error(_ key: String, _ message: String) -> JSONShapeError {
    JSONShapeError(path: path(of: key), message: message)
  }

  /// The member as it stands; nil where it is missing or null.
  public mutating func value(_ key: String) -> JSONValue? {
    asked.append(key)
    guard let value = object[key], value != .null else { return nil }
    return value
  }

  public mutating func required(_ key: String) throws(JSONShapeError) -> JSONValue {
    guard let value = value(key) else { throw error(key, "is missing") }
    return value
  }

  public mutating func string(_ key: String) throws(JSONShapeError) -> String {
    try required(key).string(at: path(of: key))
  }

  public mutating func optionalString(_ key: String) throws(JSONShapeError) -> String? {
    try value(key)?.string(at: path(of: key))
  }

  /// - Parameter range: the values allowed, named in the error.
  public mutating func integer(_ key: String, in range: ClosedRange<Int64>) throws(JSONShapeError) -> Int64 {
    try required(key).integer(at: path(of: key), in: range)
  }

  public mutating func optionalInteger(
    _ key: String, in range: ClosedRange<Int64>
  ) throws(JSONShapeError) -> Int64? {
    try value(key)?.integer(at: path(of: key), in: range)
  }

  public mutating func optionalBool(_ key: String) throws(JSONShapeError) -> Bool? {
    guard let value = value(key) else { return nil }
    guard case .bool(let bool) = value else {
      throw error(key, "expected true or false, found \(value.kind)")
    }
    return bool
  }

  /// A member that is one of the named words.
  public mutating func optionalChoice<Choice: RawRepresentable & CaseIterable>(
    _ key: String, _ type: Choice.Type
  ) throws(JSONShapeError) -> Choice? where Choice.RawValue == String {
    guard let text = try optionalString(key) else { return nil }
    if let choice = Choice(rawValue: text) { return choice }
    let allowed = Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
    throw error(key, "\"\(text.escapedForMessage)\" is none of \(allowed)")
  }

  public mutating func optionalStrings(_ key: String) throws(JSONShapeError) -> [String]? {
    guard let value = value(key) else { return nil }
    guard case .array(let elements) = value else {
      throw error(key, "expected an array of strings, found \(value.kind)")
    }
    var strings: [String] = []
    for (index, element) in elements.enumerated() {
      strings.append(try element.string(at: "\(path(of: key))[\(index)]"))
    }
    return strings
  }

  /// The elements of an array, each with its path; nil where the member is missing.
  public mutating func optionalElements(
    _ key: String
  ) throws(JSONShapeError) -> [(value: JSONValue, path: String)]? {
    guard let value = value(key) else { return nil }
    guard case .array(let elements) = value else {
      throw error(key, "expected an array, found \(value.kind)")
    }
    return elements.enumerated().map { ($0.element, "\(path(of: key))[\($0.offset)]") }
  }

  /// A reader for an object below this one; nil where the member is missing.
  public mutating func optionalObject(_ key: String) throws(JSONShapeError) -> ObjectReader? {
    guard let value = value(key) else { return nil }
    return try ObjectReader(value, path: path(of: key))
  }

  /// All members, for objects whose keys are names that the user chose.
  public mutating func allMembers() -> [(key: String, value: JSONValue, path: String)] {
    askedForAll = true
    return object.members.map { ($0.key, $0.value, path(of: $0.key)) }
  }

  /// Refuses members that have none of these names, before one is missed that is only misspelt.
  ///
  /// - Throws: ``JSONShapeError`` at the first unknown key; it names the nearest known one.
  public func only(_ keys: String...) throws(JSONShapeError) { try refuseKeys(otherThan: keys) }

  /// Refuses members that nobody asked for.
  ///
  /// - Throws: ``JSONShapeError`` at the first unknown key; it names the nearest known one.
  public func finish() throws(JSONShapeError) {
    if !askedForAll { try refuseKeys(otherThan: asked) }
  }

  private func refuseKeys(otherThan known: [String]) throws(JSONShapeError) {
    for (key, _) in object.members where !known.contains(where: { $0.hasSameBytes(as: key) }) {
      let hint = nearest(to: key, among: known).map { "; did you mean \"\($0)\"?" } ?? ""
      throw JSONShapeError(
        path: path(of: key.escapedForMessage), message: "unknown key" + hint)
    }
  }
}

extension JSONValue {
  /// This value as a string.
  public func string(at path: @autoclosure () -> String) throws(JSONShapeError) -> String {
    if case .string(let string) = self { return string }
    throw JSONShapeError(path: path(), message: "expected a string, found \(kind)")
  }

  /// This value as an integer within a range. `1.0` is not an integer.
  public func integer(
    at path: @autoclosure () -> String, in range: ClosedRange<Int64>
  ) throws(JSONShapeError) -> Int64 {
    guard case .integer(let integer) = self else {
      throw JSONShapeError(path: path(), message: "expected an integer, found \(kind)")
    }
    guard range.contains(integer) else {
      throw JSONShapeError(
        path: path(), message: "\(integer) is not between \(range.lowerBound) and \(range.upperBound)")
    }
    return integer
  }
}

/// The candidate that a misspelt word most likely meant: at most a third of its letters differ, or it is the only one
/// that begins so.
public func nearest(to word: String, among candidates: [String]) -> String? {
  let longer = candidates.filter { word.utf8.count >= 4 && $0.lowercased().hasPrefix(word.lowercased()) }
  if longer.count == 1 { return longer[0] }
  let ranked = candidates.map { (word: $0, distance: editDistance(word.lowercased(), $0.lowercased())) }
  guard let best = ranked.min(by: { $0.distance < $1.distance }) else { return nil }
  return best.distance <= max(1, max(min(word.count, 64), best.word.count) / 3) ? best.word : nil
}

/// How many letters must be put in, left out, changed or swapped with their neighbour (optimal string
/// alignment). Words are cut at 64 characters, so that a hostile key costs little.
private func editDistance(_ left: String, _ right: String) -> Int {
  let left = Array(left.prefix(64))
  let right = Array(right.prefix(64))
  var before: [Int] = []
  var row = Array(0...right.count)
  for (i, a) in left.enumerated() {
    var next = [i + 1]
    for (j, b) in right.enumerated() {
      var best = min(row[j] + (a == b ? 0 : 1), next[j] + 1, row[j + 1] + 1)
      if i > 0, j > 0, a == right[j - 1], b == left[i - 1] { best = min(best, before[j - 1] + 1) }
      next.append(best)
    }
    before = row
    row = next
  }
  return row[right.count]
}
