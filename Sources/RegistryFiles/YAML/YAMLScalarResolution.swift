import StrictJSON

/// What a plain scalar means: ruamel.yaml's rules for YAML 1.2 (`resolver.py`, `constructor.py`).
extension YAMLParser {
  func resolve(_ text: String, at mark: YAMLMark) throws(RegistryFileError) -> YAMLNode.Content {
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE": return .bool(true)
    case "false", "False", "FALSE": return .bool(false)
    case "=": throw error(.unsupported, "a plain '=' has no agreed meaning; put quotes around it", at: mark)
    default: break
    }
    let bytes = Array(text.utf8)
    guard let first = bytes.first, YAMLNumber.starts(with: first) else { return .string(text) }
    if let number = YAMLNumber(bytes) { return try value(of: number, text, at: mark) }
    guard YAMLTimestamp.looksLikeOne(bytes) else { return .string(text) }
    return try timestamp(text, at: mark)
  }

  func timestamp(_ text: String, at mark: YAMLMark) throws(RegistryFileError) -> YAMLNode.Content {
    if let timestamp = YAMLTimestamp(Array(text.utf8)) { return .timestamp(timestamp.description) }
    throw error(
      .unsupported, "\(text.escapedForMessage) is no time that can be read exactly; put quotes around text",
      at: mark)
  }

  private func value(
    of number: YAMLNumber, _ text: String, at mark: YAMLMark
  ) throws(RegistryFileError) -> YAMLNode.Content {
    switch number.value {
    case .integer(let value): return .integer(value)
    case .float(let value): return .float(value)
    case .outOfRange:
      throw error(
        .unsupported, "\(text.escapedForMessage) does not fit a 64-bit number; put quotes around text",
        at: mark)
    case .malformed:
      throw error(
        .unsupported, "\(text.escapedForMessage) is no complete number; put quotes around text", at: mark)
    }
  }
}

/// A text that one of ruamel.yaml's patterns for numbers matches.
struct YAMLNumber {
  enum Value: Equatable {
    case integer(Int64)
    case float(Double)
    case outOfRange
    /// The pattern matches, the conversion fails: `0x_`, `._`.
    case malformed
  }
  let value: Value

  static func starts(with byte: UInt8) -> Bool {
    byte.isDecimalDigit || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
  }

  /// Nil where the text is no number.
  init?(_ bytes: [UInt8]) {
    var body = bytes[...]
    let sign = body.first == UInt8(ascii: "-") || body.first == UInt8(ascii: "+") ? body.removeFirst() : nil
    let isNegative = sign == UInt8(ascii: "-")
    if let special = Self.special(body, hasSign: sign != nil, isNegative: isNegative) {
      value = special
    } else if let integer = Self.integer(body, isNegative: isNegative) {
      value = integer
    } else if let float = Self.float(body, isNegative: isNegative) {
      value = float
    } else {
      return nil
    }
  }

  private static func special(_ body: ArraySlice<UInt8>, hasSign: Bool, isNegative: Bool) -> Value? {
    switch String(decoding: body, as: UTF8.self) {
    case ".inf", ".Inf", ".INF": .float(isNegative ? -.infinity : .infinity)
    case ".nan", ".NaN", ".NAN": hasSign ? nil : .float(.nan)
    default: nil
    }
  }

  /// `0b101`, `0o17`, `0x1F` and decimal digits (a leading 0 is decimal too), with `_` anywhere after the
  /// prefix.
  private static func integer(_ body: ArraySlice<UInt8>, isNegative: Bool) -> Value? {
    let prefix = String(decoding: body.prefix(2), as: UTF8.self)
    let radix = ["0b": 2, "0o": 8, "0x": 16][prefix] ?? 10
    let digits = radix == 10 ? body : body.dropFirst(2)
    guard !digits.isEmpty, digits.allSatisfy({ $0 == underscore || $0.isDigit(radix: radix) }) else {
      return nil
    }
    let text = String(decoding: digits.filter { $0 != underscore }, as: UTF8.self)
    if text.isEmpty { return .malformed }
    return Int64((isNegative ? "-" : "") + text, radix: radix).map(Value.integer) ?? .outOfRange
  }

  /// A decimal point, an exponent, or both. An exponent after `.5` needs a sign to be one.
  private static func float(_ body: ArraySlice<UInt8>, isNegative: Bool) -> Value? {
    var rest = body
    let whole = take(&rest) { $0.isDecimalDigit || $0 == underscore }
    guard whole.first != underscore else { return nil }
    let hasPoint = rest.first == UInt8(ascii: ".")
    if hasPoint { rest.removeFirst() }
    let fraction = hasPoint ? take(&rest) { $0.isDecimalDigit || $0 == underscore } : []
    guard !whole.isEmpty || !fraction.isEmpty, hasPoint || !rest.isEmpty else { return nil }
    guard let exponent = exponent(rest, needsSign: whole.isEmpty) else { return nil }
    return convert(
      whole.filter { $0 != underscore }, fraction.filter { $0 != underscore }, exponent, isNegative)
  }

  /// The exponent's text; empty where there is none, nil where something else follows.
  private static func exponent(_ text: ArraySlice<UInt8>, needsSign: Bool) -> ArraySlice<UInt8>? {
    guard let first = text.first else { return [] }
    guard first == UInt8(ascii: "e") || first == UInt8(ascii: "E") else { return nil }
    var digits = text.dropFirst()
    let hasSign = digits.first == UInt8(ascii: "+") || digits.first == UInt8(ascii: "-")
    if hasSign { digits.removeFirst() }
    guard !digits.isEmpty, digits.allSatisfy(\.isDecimalDigit), hasSign || !needsSign else { return nil }
    return text.dropFirst()
  }

  private static func convert(
    _ whole: [UInt8], _ fraction: [UInt8], _ exponent: ArraySlice<UInt8>, _ isNegative: Bool
  ) -> Value {
    if whole.isEmpty && fraction.isEmpty { return .malformed }
    var text = isNegative ? "-" : ""
    text +=
      "0" + String(decoding: whole, as: UTF8.self) + "." + String(decoding: fraction, as: UTF8.self) + "0"
    if !exponent.isEmpty { text += "e" + String(decoding: exponent, as: UTF8.self) }
    guard let value = Double(text) else { return .malformed }
    return value.isFinite ? .float(value) : .outOfRange
  }

  private static func take(
    _ text: inout ArraySlice<UInt8>, while isTaken: (UInt8) -> Bool
  ) -> ArraySlice<UInt8> {
    let taken = text.prefix(while: isTaken)
    text = text.dropFirst(taken.count)
    return taken
  }

  private static let underscore = UInt8(ascii: "_")
}

extension UInt8 {
  var isDecimalDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }

  fileprivate func isDigit(radix: Int) -> Bool {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(self) - 0x30 < radix
    case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"): radix == 16
    default: false
    }
  }
}
