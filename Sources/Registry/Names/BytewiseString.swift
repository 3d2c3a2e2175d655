internal import StrictJSON

/// A string compared and hashed by its bytes. Swift's own `==` takes canonically equivalent strings
/// (NFC and NFD) for the same, but Git refs are bytes: two such tags are two refs.
struct BytewiseString: Hashable, Sendable, Comparable {
  let text: String

  init(_ text: String) { self.text = text }

  static func == (left: BytewiseString, right: BytewiseString) -> Bool {
    left.text.hasSameBytes(as: right.text)
  }

  static func < (left: BytewiseString, right: BytewiseString) -> Bool {
    left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
  }

  func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}
