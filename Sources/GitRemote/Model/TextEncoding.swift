/// How the names and the message of a commit or a tag are encoded, as its header `encoding` says.
public enum TextEncoding: Equatable, Sendable {
  /// Git's own, which is also taken where the header names another that is not known here. It includes US-ASCII.
  case utf8
  /// ISO-8859-1: each byte is the Unicode character of that number.
  case latin1

  init(header: ArraySlice<UInt8>?) {
    let name = String(decoding: header ?? [], as: UTF8.self).lowercased().filter { $0 != "-" && $0 != "_" }
    self = ["iso88591", "latin1", "l1"].contains(name) ? .latin1 : .utf8
  }

  /// The text, repaired where the bytes are not of the encoding.
  public func text(of bytes: some Collection<UInt8>) -> String {
    switch self {
    case .utf8: return String(decoding: bytes, as: UTF8.self)
    case .latin1:
      var text = String.UnicodeScalarView()
      for byte in bytes { text.append(Unicode.Scalar(byte)) }
      return String(text)
    }
  }
}
