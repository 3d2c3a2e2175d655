/// Why a text is not the JSON that the specification asks for, and where.
public struct JSONSyntaxError: Error, Equatable, Sendable, CustomStringConvertible {
  public let message: String
  /// Bytes before the place, from 0.
  public let offset: Int
  /// From 1.
  public let line: Int
  /// In bytes, from 1.
  public let column: Int

  public var description: String { "line \(line), column \(column): \(message)" }
}

/// What is accepted.
public enum JSONDialect: Sendable {
  /// RFC 8259, and stricter where it leaves a choice: UTF-8 without a byte-order mark, no key twice.
  case json
  /// The same with what people write in configuration files, from JSON5: comments, trailing commas,
  /// identifiers as keys, single-quoted strings.
  case json5
}

extension JSONValue {
  /// Reads one document.
  ///
  /// - Parameters:
  ///   - bytes: the whole text, UTF-8.
  ///   - maximumDepth: how many arrays and objects may be nested, at least 1.
  /// - Throws: ``JSONSyntaxError`` with the place of the first thing that is not as it should be.
  public init(
    parsing bytes: some Collection<UInt8>, dialect: JSONDialect = .json, maximumDepth: Int = 16
  ) throws(JSONSyntaxError) {
    var parser = JSONParser(bytes: Array(bytes), dialect: dialect, maximumDepth: maximumDepth)
    self = try parser.document()
  }
}

/// A recursive-descent parser; recursion is bounded by `maximumDepth`.
struct JSONParser {
  let bytes: [UInt8]
  let dialect: JSONDialect
  let maximumDepth: Int
  var position = 0

  init(bytes: [UInt8], dialect: JSONDialect, maximumDepth: Int) {
    self.bytes = bytes
    self.dialect = dialect
    self.maximumDepth = maximumDepth
  }

  mutating func document() throws(JSONSyntaxError) -> JSONValue {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { throw error("a byte-order mark is not allowed") }
    try skipWhitespace()
    let value = try value(depth: 0)
    try skipWhitespace()
    if position < bytes.count { throw error("expected the end after the first value") }
    return value
  }

  private mutating func value(depth: Int) throws(JSONSyntaxError) -> JSONValue {
    guard let byte = peek() else { throw error("expected a value, found the end") }
    switch byte {
    case UInt8(ascii: "{"): return try object(depth: depth + 1)
    case UInt8(ascii: "["): return try array(depth: depth + 1)
    case UInt8(ascii: "\""): return .string(try string(quote: byte))
    case UInt8(ascii: "'") where dialect == .json5: return .string(try string(quote: byte))
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    default: throw error("expected a value")
    }
  }

  private mutating func literal(_ word: StaticString, _ value: JSONValue) throws(JSONSyntaxError) -> JSONValue
  {
    let matches = word.withUTF8Buffer { bytes[position...].starts(with: $0) }
    guard matches else { throw error("expected a value") }
    position += word.utf8CodeUnitCount
    return value
  }

  // MARK: Containers

  private mutating func array(depth: Int) throws(JSONSyntaxError) -> JSONValue {
    try enter(depth)
    var elements: [JSONValue] = []
    try skipWhitespace()
    if take("]") { return .array(elements) }
    while true {
      elements.append(try value(depth: depth))
      try skipWhitespace()
      if take("]") { return .array(elements) }
      guard take(",") else { throw error("expected ',' or ']'") }
      try skipWhitespace()
      if dialect == .json5, take("]") { return .array(elements) }
    }
  }

  private mutating func object(depth: Int) throws(JSONSyntaxError) -> JSONValue {
    try enter(depth)
    var object = JSONObject()
    var keys = KeysSeen()
    try skipWhitespace()
    if take("}") { return .object(object) }
    while true {
      let start = position
      let key = try key()
      guard keys.insert(key, behind: object.members) else {
        position = start
        throw error("the key \"\(key.escapedForMessage)\" is there twice")
      }
      try skipWhitespace()
      guard take(":") else { throw error("expected ':' after a key") }
      try skipWhitespace()
      object.appendNew(key, try value(depth: depth))
      try skipWhitespace()
      if take("}") { return .object(object) }
      guard take(",") else { throw error("expected ',' or '}'") }
      try skipWhitespace()
      if dialect == .json5, take("}") { return .object(object) }
    }
  }

  private mutating func enter(_ depth: Int) throws(JSONSyntaxError) {
    if depth > maximumDepth { throw error("nested deeper than \(maximumDepth) levels") }
    position += 1
  }

  private mutating func key() throws(JSONSyntaxError) -> String {
    guard let byte = peek() else { throw error("expected a key, found the end") }
    if byte == UInt8(ascii: "\"") { return try string(quote: byte) }
    guard dialect == .json5 else { throw error("expected a key in double quotes") }
    if byte == UInt8(ascii: "'") { return try string(quote: byte) }
    let start = position
    while let byte = peek(), byte.isIdentifier { position += 1 }
    if position == start || bytes[start].isDigit { throw error("expected a key") }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  // MARK: Scalars

  private mutating func number() throws(JSONSyntaxError) -> JSONValue {
    let start = position
    var isInteger = true
    let negative = take("-")
    if take("0") {
      if let byte = peek(), byte.isDigit { throw error("a number must not start with 0") }
    } else {
      try digits()
    }
    if take(".") {
      isInteger = false
      try digits()
    }
    if take("e") || take("E") {
      isInteger = false
      if !take("+") { _ = take("-") }
      try digits()
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isInteger, let integer = Int64(text), !(negative && integer == 0) { return .integer(integer) }
    guard let number = Double(text), number.isFinite else {
      position = start
      throw error("the number is out of range")
    }
    return .number(number)
  }

  private mutating func digits() throws(JSONSyntaxError) {
    let start = position
    while let byte = peek(), byte.isDigit { position += 1 }
    if position == start { throw error("expected a digit") }
  }

  private mutating func string(quote: UInt8) throws(JSONSyntaxError) -> String {
    position += 1
    var text: [UInt8] = []
    var runStart = position
    while let byte = peek() {
      switch byte {
      case quote:
        let run = bytes[runStart..<position]
        let string =
          text.isEmpty
          ? run.withUnsafeBufferPointer { String(validating: $0, as: UTF8.self) }
          : String(validating: text + run, as: UTF8.self)
        guard let string else { throw error("the string is not valid UTF-8") }
        position += 1
        return string
      case UInt8(ascii: "\\"):
        text += bytes[runStart..<position]
        position += 1
        text += Array(String(try escape()).utf8)
        runStart = position
      case 0..<0x20: throw error("a control character in a string must be escaped")
      default: position += 1
      }
    }
    throw error("the string has no end")
  }

  private mutating func escape() throws(JSONSyntaxError) -> Unicode.Scalar {
    guard let byte = peek() else { throw error("the string has no end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{c}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "'") where dialect == .json5: return "'"
    case UInt8(ascii: "u"): return try unicodeEscape()
    default:
      position -= 1
      throw error("unknown escape in a string")
    }
  }

  private mutating func unicodeEscape() throws(JSONSyntaxError) -> Unicode.Scalar {
    let first = try fourHexDigits()
    if let scalar = Unicode.Scalar(first) { return scalar }
    guard first < 0xDC00, take("\\"), take("u") else { throw error("a lone surrogate is not a character") }
    let second = try fourHexDigits()
    guard (0xDC00...0xDFFF).contains(second) else { throw error("a lone surrogate is not a character") }
    let combined = 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)
    guard let scalar = Unicode.Scalar(combined) else { throw error("not a character") }
    return scalar
  }

  private mutating func fourHexDigits() throws(JSONSyntaxError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = peek().flatMap({ Character(Unicode.Scalar($0)).hexDigitValue }) else {
        throw error("expected four hexadecimal digits after \\u")
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  // MARK: Characters

  private mutating func skipWhitespace() throws(JSONSyntaxError) {
    while let byte = peek() {
      switch byte {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      case UInt8(ascii: "/") where dialect == .json5: try comment()
      default: return
      }
    }
  }

  private mutating func comment() throws(JSONSyntaxError) {
    let start = position
    position += 1
    if take("/") {
      while let byte = peek(), byte != 0x0A { _ = byte; position += 1 }
    } else if take("*") {
      while position + 1 < bytes.count {
        if bytes[position] == UInt8(ascii: "*"), bytes[position + 1] == UInt8(ascii: "/") {
          position += 2
          return
        }
        position += 1
      }
      position = start
      throw error("the comment has no end")
    } else {
      throw error("expected a comment")
    }
  }

  private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek() == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private func error(_ message: String) -> JSONSyntaxError {
    let before = bytes[..<min(position, bytes.count)]
    let line = before.count { $0 == 0x0A } + 1
    let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    return JSONSyntaxError(
      message: message, offset: position, line: line, column: before.count - lineStart + 1)
  }
}

/// The keys of an object that is being read, compared as bytes.
private struct KeysSeen {
  /// Empty while there are few: those are looked through.
  private var all: Set<[UInt8]> = []

  /// - Returns: false where the key is there already.
  mutating func insert(_ key: String, behind members: [(key: String, value: JSONValue)]) -> Bool {
    if members.count < JSONObject.few { return !members.contains { $0.key.hasSameBytes(as: key) } }
    if all.isEmpty { all = Set(members.map { Array($0.key.utf8) }) }
    return all.insert(Array(key.utf8)).inserted
  }
}

extension UInt8 {
  fileprivate var isDigit: Bool { UInt8(ascii: "0") <= self && self <= UInt8(ascii: "9") }
  fileprivate var isIdentifier: Bool {
    isDigit || (UInt8(ascii: "a") <= self && self <= UInt8(ascii: "z"))
      || (UInt8(ascii: "A") <= self && self <= UInt8(ascii: "Z")) || self == UInt8(ascii: "_")
      || self == UInt8(ascii: "$")
  }
}
