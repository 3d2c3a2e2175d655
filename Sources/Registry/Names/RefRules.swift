/// What Git allows as the name of a tag, beyond what GTO's grammar says: `git check-ref-format`, that
/// `git tag` refuses a leading '-', and that a file system must be able to hold the ref and its lock.
enum RefRules {
  /// The longest path component a ref may have: file systems allow 255 bytes and `.lock` takes five.
  static let longestComponent = 250

  /// What Git refuses about a ref below `refs/tags/`, and after how many bytes; nil where it is fine.
  static func problem(in name: String) -> (reason: String, offset: Int)? {
    let bytes = Array(name.utf8)
    if bytes.isEmpty { return ("it is empty", 0) }
    if bytes[0] == UInt8(ascii: "-") { return ("Git refuses a tag that starts with '-'", 0) }
    return sequenceProblem(bytes) ?? componentProblem(bytes)
  }

  private static func sequenceProblem(_ bytes: [UInt8]) -> (String, Int)? {
    for index in bytes.indices {
      let next = index + 1 < bytes.count ? bytes[index + 1] : 0
      switch (bytes[index], next) {
      case (UInt8(ascii: "."), UInt8(ascii: ".")): return ("Git refuses \"..\"", index)
      case (UInt8(ascii: "@"), UInt8(ascii: "{")): return ("Git refuses \"@{\"", index)
      case (0...0x20, _), (0x7F, _), (UInt8(ascii: "~"), _), (UInt8(ascii: "^"), _), (UInt8(ascii: ":"), _),
        (UInt8(ascii: "?"), _), (UInt8(ascii: "*"), _), (UInt8(ascii: "["), _), (UInt8(ascii: "\\"), _):
        return ("Git refuses this character", index)
      default: continue
      }
    }
    return bytes.last == UInt8(ascii: ".") ? ("Git refuses a '.' at the end", bytes.count - 1) : nil
  }

  private static func componentProblem(_ bytes: [UInt8]) -> (String, Int)? {
    var offset = 0
    for component in bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
      if component.isEmpty { return ("Git refuses an empty path component", offset) }
      if component.first == UInt8(ascii: ".") {
        return ("Git refuses a path component that starts with '.'", offset)
      }
      if component.suffix(5).elementsEqual(".lock".utf8) {
        return ("Git refuses a path component that ends in \".lock\"", offset + component.count - 5)
      }
      if component.count > longestComponent {
        return ("a path component of the tag is longer than \(longestComponent) bytes", offset)
      }
      offset += component.count + 1
    }
    return nil
  }
}
