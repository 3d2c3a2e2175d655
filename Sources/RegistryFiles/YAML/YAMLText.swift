extension YAMLParser {
  /// Decodes the bytes and refuses every character that would not survive: what YAML forbids as it
  /// stands, and the line breaks that only YAML 1.1 knows, because readers disagree about them.
  ///
  /// A byte-order mark at the start is skipped, as ruamel.yaml does. CR is allowed only before LF.
  static func decode(
    _ bytes: some Collection<UInt8>, file: String, limits: YAMLLimits
  ) throws(RegistryFileError) -> [Unicode.Scalar] {
    if bytes.count > limits.maximumSize {
      throw RegistryFileError(
        code: .limit, file: file, line: 1, column: 1,
        message: "the file has \(bytes.count) bytes, and at most \(limits.maximumSize) are read")
    }
    var decoder = YAMLTextDecoder(file: file, capacity: bytes.count)
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    let body = bytes.starts(with: mark) ? bytes.dropFirst(mark.count) : bytes[...]
    try decoder.decode(body)
    return decoder.text
  }
}

/// Turns bytes into scalars and keeps the place for errors.
private struct YAMLTextDecoder {
  let file: String
  var text: [Unicode.Scalar] = []
  var line = 1
  var lineStart = 0

  init(file: String, capacity: Int) {
    self.file = file
    text.reserveCapacity(capacity)
  }

  mutating func decode(_ bytes: some Collection<UInt8>) throws(RegistryFileError) {
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    while true {
      switch decoder.decode(&iterator) {
      case .scalarValue(let scalar): try append(scalar)
      case .emptyInput:
        if text.last == "\r" { throw error("a carriage return stands alone; end lines with LF or CR LF") }
        return
      case .error: throw error("the file is not UTF-8; save it as UTF-8")
      }
    }
  }

  private mutating func append(_ scalar: Unicode.Scalar) throws(RegistryFileError) {
    if text.last == "\r", scalar != "\n" {
      throw error("a carriage return stands alone; end lines with LF or CR LF")
    }
    guard scalar.isAllowedInYAML else {
      let code = String(scalar.value, radix: 16, uppercase: true)
      throw error("the character U+\(code) is not allowed as it stands; escape it in double quotes")
    }
    text.append(scalar)
    if scalar == "\n" {
      line += 1
      lineStart = text.count
    }
  }

  private func error(_ message: String) -> RegistryFileError {
    RegistryFileError(
      code: .encoding, file: file, line: line, column: text.count - lineStart + 1, message: message)
  }
}

extension Unicode.Scalar {
  /// YAML's printable characters without the C1 line break, the Unicode line breaks and an inner
  /// byte-order mark.
  fileprivate var isAllowedInYAML: Bool {
    switch value {
    case 0x09, 0x0A, 0x0D, 0x20...0x7E, 0xA0...0x2027, 0x202A...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD,
      0x10000...0x10FFFF:
      true
    default: false
    }
  }
}
