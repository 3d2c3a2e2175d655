import Testing

/// Texts that are JSON by RFC 8259, that are not, and of which it leaves open whether they are.
///
/// They are named as in N. Seriot's "Parsing JSON is a Minefield": `y_` must be accepted, `n_` must be refused,
/// `i_` is up to the reader.
enum JSONConformance {
  struct Case: CustomTestStringConvertible, Sendable {
    let name: String
    let bytes: [UInt8]
    var testDescription: String { name }

    init(_ name: String, _ text: String) { self.init(name, Array(text.utf8)) }

    init(_ name: String, _ bytes: [UInt8]) {
      self.name = name
      self.bytes = bytes
    }

    init(_ name: String, repeating piece: String, _ count: Int) {
      self.init(name, String(repeating: piece, count: count))
    }

    /// Arrays inside each other.
    init(_ name: String, nested levels: Int) {
      self.init(name, String(repeating: "[", count: levels) + String(repeating: "]", count: levels))
    }
  }
}
