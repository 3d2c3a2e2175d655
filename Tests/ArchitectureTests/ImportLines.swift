import Foundation

/// One `import` in a source file.
struct ImportLine: CustomStringConvertible {
  let file: String
  /// `public`, `package`, `internal`, `fileprivate`, `private`, or nil where the line says nothing.
  let access: String?
  let module: String

  var description: String { "\(file): \(access.map { "\($0) " } ?? "")import \(module)" }

  /// All of one module.
  static func all(of module: String) throws -> [ImportLine] {
    try Checkout.files(in: "Sources/\(module)", ending: ".swift").flatMap { file in
      try Checkout.text(file).split(separator: "\n").compactMap { line in
        // Regular expressions are slow in debug builds.
        guard line.utf8.count < 120, line.contains("import"), let match = line.wholeMatch(of: pattern) else {
          return nil
        }
        return ImportLine(file: file, access: match.output.1.map(String.init), module: String(match.output.2))
      }
    }
  }

  private static var pattern: Regex<(Substring, Substring?, Substring)> {
    /\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(public|package|internal|fileprivate|private)\s+)?import\s+(?:(?:struct|class|enum|protocol|typealias|func|let|var)\s+)?(\w+).*/
  }
}
