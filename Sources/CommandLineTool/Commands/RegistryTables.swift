internal import StagekeeperClient

/// GTO's tables, from the values that its `--json` has.
extension Table {
  /// `show`: an object is the registry, an array the versions of one artifact.
  init(shown value: JSONValue) {
    switch value {
    case .object(let registry): self.init(registry: registry)
    case .array(let versions): self.init(versions: versions)
    default: self.init([])
    }
  }

  private init(registry: JSONObject) {
    let stages = registry.members.first?.value["stage"]?.objectValue?.keys ?? []
    let artifacts = registry.members.sorted {
      Array($0.key.utf8).lexicographicallyPrecedes(Array($1.key.utf8))
    }
    self.init(
      ["name", "latest"] + stages.map { "#\($0)" },
      artifacts.map { name, state in
        let isRegistered = state["registered"]?.boolValue ?? true
        let versions = stages.map { state["stage"]?[$0]?.stringValue?.shortHashes }
        return [isRegistered ? name : "*\(name)", state["version"]?.stringValue?.shortHashes] + versions
      })
  }

  private init(versions: [JSONValue]) {
    self.init(
      ["artifact", "version", "stage", "created_at", "ref"],
      versions.map { version in
        var stages: [String] = []
        for stage in (version["stages"]?.arrayValue ?? []).compactMap({ $0["stage"]?.stringValue })
        where !stages.contains(stage) { stages.append(stage) }
        return [
          version["artifact"]?.cell, version["version"]?.stringValue?.shortHashes,
          stages.joined(separator: ", "), version["created_at"]?.stringValue?.withoutT,
          version["ref"]?.stringValue?.shortHashes,
        ]
      })
  }

  /// `history`.
  init(history value: JSONValue) {
    self.init(
      ["timestamp", "artifact", "event", "version", "stage", "commit", "ref"],
      (value.arrayValue ?? []).map { event in
        [
          event["timestamp"]?.stringValue?.withoutT, event["artifact"]?.cell, event["event"]?.cell,
          event["version"]?.stringValue?.shortHashes, event["stage"]?.cell,
          event["commit"]?.stringValue?.shortHashes, event["ref"]?.stringValue?.shortHashes,
        ]
      })
  }
}

extension String {
  /// With each commit's id in a comma-separated list cut to seven digits.
  fileprivate var shortHashes: String {
    split(separator: ", ", omittingEmptySubsequences: false)
      .map { $0.isCommitID ? $0.prefix(7) : $0 }.joined(separator: ", ")
  }

  /// A time as Python prints it: `2026-01-31 09:30:00+00:00`.
  fileprivate var withoutT: String { split(separator: "T", maxSplits: 1).joined(separator: " ") }
}

extension Substring {
  fileprivate var isCommitID: Bool {
    utf8.count == 40 && utf8.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
  }
}

extension Invocation {
  /// Prints a table, or GTO's sentence where there is no row.
  func print(_ table: Table) throws {
    try console.print(
      table.rows.isEmpty ? "Nothing found in the current workspace" : table.text(tableStyle))
  }

  /// Prints one column, a line a row; nothing where there is no row.
  func print(column key: String, of table: Table) throws {
    // The first column is the artifact's name under another heading in each table; GTO knows it as `name`
    // in the registry only.
    guard let index = table.headings.firstIndex(of: key) else {
      if table.rows.isEmpty { return }
      throw UsageError("--\(key) does not go with this table: it has no such column")
    }
    for row in table.rows { try console.print((row[index] ?? "None").escapedForTerminal) }
  }
}
