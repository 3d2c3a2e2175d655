import StrictJSON

/// What may stand in a tag's message: nothing that could be taken for a signature, for a trailer of the
/// worker, or for the end of the message, and nothing that hides or moves what a reader sees.
public enum MessageRules {
  /// - Parameters:
  ///   - message: as the caller sent it. White space at both ends will be cut off and is not looked at.
  ///   - reserved: keys of trailers, in lower case, that are kept besides those that start with `stagekeeper-`.
  /// - Throws: ``Refusal`` with line and column, both counted from 1, of the first thing that is wrong.
  public static func check(_ message: String, reserved: Set<String> = []) throws(Refusal) {
    let kept = message.trimmedAsPython.unicodeScalars.count
    let scalars = Array(message.unicodeScalars)
    let before = scalars.prefix { String(Character($0)).trimmedAsPython.isEmpty }.count
    let end = before + kept
    var start = scalars[..<before].lastIndex(of: "\n").map { $0 + 1 } ?? 0
    var number = scalars[..<start].count { $0 == "\n" } + 1
    while start < end {
      let lineEnd = scalars[start..<end].firstIndex(of: "\n") ?? end
      let skipped = max(0, before - start)
      let line = MessageLine(
        scalars: scalars[(start + skipped)..<lineEnd], number: number, column: skipped + 1)
      try line.checkCharacters()
      try line.checkMeaning(reserved: reserved)
      start = lineEnd + 1
      number += 1
    }
  }

  /// Looks at the characters alone, those at the ends too: for a text that stands in no tag.
  public static func checkCharacters(_ text: String) throws(Refusal) {
    let lines = Array(text.unicodeScalars).split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      try MessageLine(scalars: line, number: index + 1, column: 1).checkCharacters()
    }
  }
}

/// One line of a message, and where it stands.
private struct MessageLine {
  let scalars: ArraySlice<Unicode.Scalar>
  let number: Int
  /// Of the first scalar.
  let column: Int

  func checkCharacters() throws(Refusal) {
    guard let index = scalars.firstIndex(where: \.isUnfit) else { return }
    let code = String(scalars[index].value, radix: 16, uppercase: true)
    let name = "U+" + String(repeating: "0", count: max(0, 4 - code.count)) + code
    throw refusal(
      "holds the character \(name), which controls how text is shown or read", at: index)
  }

  func checkMeaning(reserved: Set<String>) throws(Refusal) {
    let start = scalars.firstIndex { $0 != " " && $0 != "\t" } ?? scalars.endIndex
    let text = String(String.UnicodeScalarView(scalars[start...]))
    let folded = text.unicodeScalars.reduce(into: "") { $0 += $1.folded }
    if folded.hasPrefix("-----begin") || folded.hasPrefix("-----end") {
      throw refusal("starts or ends a signature (\"\(text.escapedForMessage)\")", at: start)
    }
    if folded.contains(Self.scissors) {
      throw refusal("is a line at which Git cuts a message off (\"\(text.escapedForMessage)\")", at: start)
    }
    if text == "---" || text.hasPrefix("--- ") || text.hasPrefix("---\t") {
      throw refusal("is a line at which Git ends a message (\"---\")", at: start)
    }
    guard let key = Self.key(folded), key.hasPrefix("stagekeeper-") || reserved.contains(key) else { return }
    throw refusal("looks like the trailer \"\(key)\", which is kept for the worker", at: start)
  }

  /// Git, wt-status.c, `cut_line`.
  private static let scissors = "------------------------ >8 ------------------------"

  /// The key of a trailer line; nil where the line is none. Git lets other separators than the colon be set.
  private static func key(_ line: String) -> String? {
    guard let separator = line.utf8.firstIndex(where: { $0 == 0x3A || $0 == 0x3D }) else { return nil }
    let key = String(line[..<separator]).trimmedAsPython
    let isKey = !key.isEmpty && key.utf8.allSatisfy { $0.isLetterOrDigit || $0 == 0x2D }
    return isKey ? key : nil
  }

  private func refusal(_ what: String, at index: Int) -> Refusal {
    let place = "line \(number), column \(column + index - scalars.startIndex)"
    return Refusal(.invalidMessage, "the message \(what) in \(place); take it out")
  }
}

extension Unicode.Scalar {
  /// Control characters but the tab, line separators, and invisible ones but the two joiners that scripts and
  /// emoji need.
  fileprivate var isUnfit: Bool {
    if self == "\t" || value == 0x200C || value == 0x200D { return false }
    return switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: true
    default: false
    }
  }

  /// In lower case, with letters and signs of other scripts replaced by the ASCII that they look like, as far
  /// as our keys and the signatures' marks consist of it.
  fileprivate var folded: String {
    if isASCII { return String(self).lowercased() }
    if (0xFF01...0xFF5E).contains(value), let ascii = Unicode.Scalar(value - 0xFEE0) { return ascii.folded }
    if value == 0x200C || value == 0x200D { return "" }
    if properties.generalCategory == .dashPunctuation || self == "\u{2212}" || self == "\u{2043}" {
      return "-"
    }
    return Self.lookAlikes[self] ?? String(self)
  }

  private static let lookAlikes: [Unicode.Scalar: String] = {
    let groups: [(String, String)] = [
      ("s", "ѕЅꜱʂſ"), ("t", "тТτΤᴛ"), ("a", "аАαΑᴀɑ"), ("g", "ɡցԌɢ"), ("e", "еЕεΕᴇҽ"),
      ("k", "кКκΚᴋҟ\u{212A}"),
      ("p", "рРρΡᴘ"), ("r", "гᴦʀ"), ("j", "јЈᴊʝ"), ("o", "оОοΟᴏօ"), ("b", "ЬВвΒʙ"), ("i", "іІιΙɪıⅰ"),
      ("n", "ոΝɴп"), ("d", "ԁⅾᴅ"), ("u", "υսᴜ"), ("v", "ѵνᴠⅴ"), ("y", "уУγʏ"), ("q", "ԛ"),
      (" ", "\u{A0}\u{3000}"),
      (":", "∶ː꞉︓﹕"), (">", "›＞"),
    ]
    var table: [Unicode.Scalar: String] = [:]
    for (ascii, others) in groups { for scalar in others.unicodeScalars { table[scalar] = ascii } }
    return table
  }()
}
