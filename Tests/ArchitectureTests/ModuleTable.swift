import Testing

/// The table of modules in docs/architecture.md.
struct ModuleTable {
  struct Row {
    let name: String
    /// Modules of this package that it may import.
    let modules: [String]
    /// Modules of the system that it may import.
    let system: [String]

    var isC: Bool { name.hasPrefix("C") && name.dropFirst().first?.isUppercase == true }
  }

  /// From the top down.
  let rows: [Row]

  init() throws {
    let text = try Checkout.text("docs/architecture.md")
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let marker = try #require(lines.firstIndex(of: "<!-- modules -->"))
    // Behind the marker: the head, the rule, the rows.
    rows = try lines[(marker + 3)...].prefix { $0.hasPrefix("|") }.map { line in
      let cells = line.split(separator: "|", omittingEmptySubsequences: false).map(Self.names)
      return Row(name: try #require(cells[1].first), modules: cells[2], system: cells[3])
    }
  }

  subscript(name: String) -> Row? { rows.first { $0.name == name } }

  /// What stands in backquotes.
  private static func names(_ cell: Substring) -> [String] {
    cell.split(separator: "`", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 1 }
      .map { String($0.element) }
  }
}
