internal import StagekeeperClient

extension CommonOption {
  static let signed = OptionSpec(
    "--signed", help: "Say of each row whether its tags are signed by somebody trusted.")
}

extension Table {
  /// The table with a last column `signed`.
  ///
  /// - Parameter value: what the table was made of, each row with `signed`.
  func addingSignatures(of value: JSONValue) -> Table {
    let cells: [String?]
    switch value {
    case .object(let registry):
      cells = rows.map { row in
        let name = row.first.flatMap { $0 } ?? ""
        let state = registry[name] ?? registry[String(name.drop { $0 == "*" })]
        return state?["signed"]?.signatureCell
      }
    case .array(let elements): cells = elements.map { $0["signed"]?.signatureCell }
    default: cells = []
    }
    return Table(headings + ["signed"], zip(rows, cells).map { $0 + [$1] })
  }
}

extension JSONValue {
  /// What stands in the column: who signed, or what is wrong; of several tags whether all are good, or which
  /// are not. Nil where nothing is signed.
  fileprivate var signatureCell: String? {
    if self["verdict"] != nil { return verdictCell }
    let stages = self["stage"]?.objectValue?.members ?? []
    let tags = [("version", self["version"] ?? .null)] + stages.map { ("#\($0.key)", $0.value) }
    let judged = tags.filter { $0.1["verdict"] != nil }
    let bad = judged.filter { $0.1["verdict"] != "good" }
    if judged.isEmpty || bad.allSatisfy({ $0.1["verdict"] == "unsigned" }) && bad.count == judged.count {
      return nil
    }
    if bad.isEmpty { return "yes" }
    return "no: " + bad.map { "\($0.0) \($0.1["verdict"]?.cell ?? "?")" }.joined(separator: ", ")
  }

  private var verdictCell: String? {
    switch self["verdict"]?.stringValue {
    case "good": self["identity"]?.cell
    case "unsigned": nil
    case let verdict: "no: \(verdict ?? "?")"
    }
  }
}
