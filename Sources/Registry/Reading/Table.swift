/// Rows for people and for `--plain`, with GTO's column names and cell texts.
public struct Table: Equatable, Sendable {
  public let columns: [String]
  /// As many cells as there are columns. Nil is what GTO prints as `-`.
  public let rows: [[String?]]

  public init(columns: [String], rows: [[String?]]) {
    self.columns = columns
    self.rows = rows
  }

  /// The cells of one column; nil where there is no such column.
  public func column(_ name: String) -> [String?]? {
    columns.firstIndex(of: name).map { index in rows.map { $0[index] } }
  }
}

/// What a table shows where there is nothing.
public let missingCell = "-"
