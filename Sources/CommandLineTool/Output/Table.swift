/// Rows under headings, laid out as GTO does (the `fancy_outline` and `plain` formats of Python's tabulate).
package struct Table: Sendable {
  package enum Style: Sendable {
    /// With lines around and between the columns.
    case boxed
    /// Aligned by spaces, for `grep` and `awk`.
    case plain
  }

  package var headings: [String]
  /// A missing cell is shown as `-`.
  package var rows: [[String?]]

  package init(_ headings: [String], _ rows: [[String?]] = []) {
    self.headings = headings
    self.rows = rows
  }

  /// The lines, without the last line's end. Control characters are escaped.
  package func text(_ style: Style) -> String {
    let headings = headings.map(\.escapedForTerminal)
    let cells = rows.map { $0.map { ($0 ?? "-").escapedForTerminal } }
    let widths = headings.indices.map { column in
      max(headings[column].displayWidth + 2, cells.map { $0[column].displayWidth }.max() ?? 0)
    }
    return switch style {
    case .plain: plain([headings] + cells, widths)
    case .boxed: boxed(headings, cells, widths)
    }
  }

  private func plain(_ lines: [[String]], _ widths: [Int]) -> String {
    lines.map { cells in
      let line = zip(cells, widths).map { $0.padded(to: $1) }.joined(separator: "  ")
      return String(line.trimmingTrailingSpaces)
    }.joined(separator: "\n")
  }

  private func boxed(_ headings: [String], _ rows: [[String]], _ widths: [Int]) -> String {
    func rule(_ left: String, _ middle: String, _ right: String) -> String {
      left + widths.map { String(repeating: "═", count: $0 + 2) }.joined(separator: middle) + right
    }
    func line(_ cells: [String]) -> String {
      "│ " + zip(cells, widths).map { $0.padded(to: $1) }.joined(separator: " │ ") + " │"
    }
    return
      ([rule("╒", "╤", "╕"), line(headings), rule("╞", "╪", "╡")] + rows.map(line)
      + [rule("╘", "╧", "╛")]).joined(separator: "\n")
  }
}

extension String {
  /// How many columns of a terminal it takes, nearly: wide East Asian characters take two.
  var displayWidth: Int { unicodeScalars.reduce(0) { $0 + $1.displayWidth } }

  func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - displayWidth))
  }

  fileprivate var trimmingTrailingSpaces: Substring {
    var end = self[...]
    while end.last == " " { end.removeLast() }
    return end
  }
}

extension Unicode.Scalar {
  fileprivate var displayWidth: Int {
    if isASCII { return 1 }
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark: return 0
    default: break
    }
    switch value {
    case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
      0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
      return 2
    default: return 1
    }
  }
}
