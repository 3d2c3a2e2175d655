import StrictJSON
import Testing

@testable import CommandLineTool

/// Layouts that GTO 1.10.1 printed for the same values.
@Suite struct TableTests {
  private let registry: JSONValue = [
    "models:churn": ["version": "v0.0.1", "stage": ["dev": .null], "registered": false, "active": true],
    "churn": ["version": "v0.0.2", "stage": ["dev": "v0.0.2"], "registered": true, "active": true],
  ]

  @Test func registryBoxed() {
    let expected = """
      ╒═══════════════╤══════════╤════════╕
      │ name          │ latest   │ #dev   │
      ╞═══════════════╪══════════╪════════╡
      │ churn         │ v0.0.2   │ v0.0.2 │
      │ *models:churn │ v0.0.1   │ -      │
      ╘═══════════════╧══════════╧════════╛
      """
    #expect(Table(shown: registry).text(.boxed) == expected)
  }

  @Test func registryPlain() {
    let expected = """
      name           latest    #dev
      churn          v0.0.2    v0.0.2
      *models:churn  v0.0.1    -
      """
    #expect(Table(shown: registry).text(.plain) == expected)
  }

  @Test func versionsOfOneArtifact() {
    let hash = "9c7f59254d9d3a8f346ba9f3033097d73ee5659e"
    let version: JSONValue = [
      "artifact": "churn", "version": .string(hash), "created_at": "2026-11-23T21:38:24+00:00",
      "ref": .string(hash), "stages": [["stage": "prod"], ["stage": "dev"], ["stage": "prod"]],
    ]
    let expected = """
      artifact    version    stage      created_at                 ref
      churn       9c7f592    prod, dev  2026-11-23 21:38:24+00:00  9c7f592
      """
    #expect(Table(shown: [version]).text(.plain) == expected)
  }

  @Test func historyWithMissingCells() {
    let event: JSONValue = [
      "timestamp": "2026-11-23T21:38:30+00:00", "artifact": "churn", "event": "deprecation",
      "version": .null, "stage": .null, "commit": "9c7f59254d9d3a8f346ba9f3033097d73ee5659e",
      "ref": "churn@deprecated",
    ]
    let expected = """
      timestamp                  artifact    event        version    stage    commit    ref
      2026-11-23 21:38:30+00:00  churn       deprecation  -          -        9c7f592   churn@deprecated
      """
    #expect(Table(history: [event]).text(.plain) == expected)
  }

  @Test func cellsCannotSteerATerminal() {
    let table = Table(["a\u{1b}[2J"], [["one\ntwo\u{202e}"]])
    #expect(table.text(.plain) == "a\\u{1b}[2J\none\\ntwo\\u{202e}")
  }

  @Test func wideCharactersKeepTheColumnsAligned() {
    let lines = Table(["name"], [["漢字漢字"], ["e\u{301}"]]).text(.boxed).split(separator: "\n")
    #expect(lines[3] == "│ 漢字漢字 │")
    #expect(lines[4] == "│ e\u{301}        │")
  }
}

@Suite struct TerminalTextTests {
  @Test func escapes() {
    #expect("plain ünï 漢".escapedForTerminal == "plain ünï 漢")
    #expect("a\u{1b}[31mb\u{7f}\u{9b}c\r".escapedForTerminal == "a\\u{1b}[31mb\\u{7f}\\u{9b}c\\u{d}")
    #expect("a\nb".escapedForTerminal == "a\\nb")
    #expect("a\nb\u{0}".escapedLinesForTerminal == "a\nb\\u{0}")
    #expect("\u{2028}\u{200b}\u{2066}".escapedForTerminal == "\\u{2028}\\u{200b}\\u{2066}")
  }

  /// As Python's `json.dumps` writes it.
  @Test func asciiJSON() {
    let value: JSONValue = ["a": "ü😀\u{7f}\u{9b}", "b": []]
    #expect(
      value.asciiText(indentation: 4) == """
        {
            "a": "\\u00fc\\ud83d\\ude00\\u007f\\u009b",
            "b": []
        }
        """)
  }
}
