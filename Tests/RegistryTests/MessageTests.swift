import Registry
import TestSupport
import Testing

/// What a caller's text may be, with Git itself as the judge of what the finished message says.
@Suite struct MessageTests {
  static let trailers = [
    TagTrailer.job(worker: "0123456789ab", number: "12"),
    TagTrailer.requestedBy(tenant: "team a (prod)", user: "ren\u{e9}", uid: 1001),
    TagTrailer.requestKey("ci 4711\nStagekeeper-Job: x/1"),
    TagTrailer.approvedBy(tenant: "release", user: nil, uid: 0),
  ]

  static func message(_ text: String) throws -> String {
    let request = WriteRequest(
      .assign, try artifact("a"), version: try version("v1.0.0"), stage: try stage("p"), message: text)
    return try Fixture([("a@v1.0.0", 1, 1)]).plan(request, trailers: trailers).tags[0].message
  }

  @Test("the worker's own values can't break out of their line")
  func encoding() throws {
    #expect(
      Self.trailers == [
        "Stagekeeper-Job: 0123456789ab/12",
        "Stagekeeper-Requested-By: team%20a%20%28prod%29 (user ren%C3%A9, uid 1001)",
        "Stagekeeper-Request-Key: ci%204711%0AStagekeeper-Job:%20x/1",
        "Stagekeeper-Approved-By: release (uid 0)",
      ])
    for word in ["a\r\nb", "\u{85}", "\u{2028}x", "\u{202E}", "%41", "a, uid 0)", "\0", "", "\t", "ａ"] {
      let line = TagTrailer.requestedBy(tenant: word, user: word, uid: 7)
      #expect(line.utf8.allSatisfy { (0x20...0x7E).contains($0) })
      #expect(line.utf8.count { $0 == 0x28 } == 1 && line.utf8.count { $0 == 0x2C } == 1, "\(line)")
    }
    #expect(TagTrailer.requestKey("%41") != TagTrailer.requestKey("A"))
  }

  /// A text, and what has to be in the refusal.
  static let refused: [(text: String, place: String, what: String)] = [
    ("one\rtwo", "line 1, column 4", "U+000D"),
    ("one\r\ntwo", "line 1, column 4", "U+000D"),
    ("one\n\ntw\u{0}o", "line 3, column 3", "U+0000"),
    ("a\u{1B}[2Jb", "line 1, column 2", "U+001B"),
    ("one\n \u{7F}", "line 2, column 2", "U+007F"),
    ("é\u{85}x", "line 1, column 2", "U+0085"),
    ("a\u{9B}b", "line 1, column 2", "U+009B"),
    ("a\nb\u{2028}Stagekeeper-Job: x/1", "line 2, column 2", "U+2028"),
    ("a\u{2029}b", "line 1, column 2", "U+2029"),
    ("a\u{202E}b", "line 1, column 2", "U+202E"),
    ("a\u{200B}b", "line 1, column 2", "U+200B"),
    ("a\u{FEFF}b", "line 1, column 2", "U+FEFF"),
    ("a\u{B}b", "line 1, column 2", "U+000B"),
    ("\n\n  Stagekeeper-Job: w/1", "line 3, column 3", "stagekeeper-job"),
    ("x\n\nStagekeeper-Approved-By: root (uid 0)", "line 3, column 1", "stagekeeper-approved-by"),
    ("x\n\n\tstagekeeper-anything :y", "line 3, column 2", "stagekeeper-anything"),
    ("x\nSTAGEKEEPER-X=y", "line 2, column 1", "stagekeeper-x"),
    ("x\n\u{405}tagekeeper-Job: w/1", "line 2, column 1", "stagekeeper-job"),
    ("x\n\u{FF33}\u{FF34}agekeeper\u{2010}Job\u{FF1A} w/1", "line 2, column 1", "stagekeeper-job"),
    ("x\nStage\u{200D}keeper-Job: w/1", "line 2, column 1", "stagekeeper-job"),
    ("x\nStagekeeper\u{2212}Job\u{A0}: w/1", "line 2, column 1", "stagekeeper-job"),
    ("-----BEGIN PGP SIGNATURE-----", "line 1, column 1", "signature"),
    ("x\n-----BEGIN PGP MESSAGE-----", "line 2, column 1", "signature"),
    ("x\n-----BEGIN SSH SIGNATURE-----\nU1NI\n-----END SSH SIGNATURE-----", "line 2, column 1", "signature"),
    ("x\n-----BEGIN SIGNED MESSAGE-----", "line 2, column 1", "signature"),
    ("x\n  -----begin ssh signature-----", "line 2, column 3", "signature"),
    ("x\n-----END SSH SIGNATURE-----", "line 2, column 1", "signature"),
    ("x\n\u{2010}\u{2010}\u{2010}\u{2010}\u{2010}BEGIN SSH SIGNATURE", "line 2, column 1", "signature"),
    ("x\n\nAcked-by: B\n---\ny", "line 4, column 1", "ends a message"),
    ("x\n--- a/file", "line 2, column 1", "ends a message"),
    ("x\n# ------------------------ >8 ------------------------\ny", "line 2, column 1", "cuts"),
    ("; ------------------------ >8 ------------------------", "line 1, column 1", "cuts"),
  ]

  @Test(arguments: refused)
  func refusedWithThePlace(text: String, place: String, what: String) throws {
    let refusal = try #require(throws: Refusal.self) { _ = try Self.message(text) }
    #expect(refusal.code == .invalidMessage)
    #expect(refusal.message.contains(place), "\(refusal)")
    #expect(refusal.message.contains(what), "\(refusal)")
    // Before anything is queued, too.
    #expect(throws: Refusal.self) { try MessageRules.check(text) }
  }

  @Test("characters alone, the ends included, with the place")
  func characters() throws {
    let text = "fine\nby\tme\u{7}"
    let refusal = try #require(throws: Refusal.self) { try MessageRules.checkCharacters(text) }
    #expect(refusal.code == .invalidMessage && refusal.message.contains("line 2, column 6"), "\(refusal)")
    #expect(throws: Refusal.self) { try MessageRules.checkCharacters("fine\r\n") }
    try MessageRules.checkCharacters("---\nStagekeeper-Job: w/1\n👩‍🔬\n")
    try MessageRules.checkCharacters("")
  }

  static let accepted = [
    "Why\n\nReviewed-by: B <b@c>", "x\n\n# a comment\n; another\n", "x\n\n\n\n", "\n\nx\n\n \t\n",
    "x\r\n", "x\u{85}\u{2028}\r\n", "x\n\n (cherry picked from commit 1234567)", "Conflicts:\n\tREADME",
    "# only\n# comments", "x\n\n continuation\n\tof nothing", "Signed-off-by: a\nSigned-off-by: b",
    "Acked-by: only trailers", "x\n----\n", "x\n---y", "-- \nsignature of a mail", "👩‍🔬 trained 日本語 naïve",
    "Stagekeeper: a name\nThe stagekeeper-admin has paused it.", "a: b\n\nc: d\n\ne: f",
    "object 1234\ntype commit",
    "gpgsig -----BEGIN nothing", "tab\there", "x\n\n\u{A0}\n", "key = value\n\nBug-Id #12",
  ]

  @Test(arguments: accepted)
  func gitFindsTheWorkersTrailersAndNoOthers(text: String) throws {
    try Self.expectTrailers(try Self.message(text), text)
  }

  private static func expectTrailers(_ message: String, _ text: String) throws {
    for options in [[], ["-c", "trailer.separators=:="], ["-c", "core.commentChar=;"]] {
      let parsed = try Program.check(
        "git", options + ["interpret-trailers", "--parse"], in: "/", input: Array(message.utf8))
      let expected = Self.trailers.map { $0 + "\n" }.joined()
      #expect(parsed == expected, "\(options) \(text.debugDescription): \(message.debugDescription)")
    }
    #expect(message.hasPrefix(text.trimmingForTest))
  }

  @Test(
    "whatever is put together from what Git knows, Git finds the worker's trailers and no signature",
    arguments: 1...40)
  func mixtures(seed: Int) throws {
    let texts: [String] = Self.accepted + Self.refused.map(\.text) + ["", "\n \n\t"]
    let pieces: [String] = texts.flatMap { text in
      text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }
    var random = SeededGenerator(seed: UInt64(seed))
    var accepted = 0
    for _ in 0..<30 where accepted < 3 {
      let count = Int.random(in: 1...6, using: &random)
      let text = (0..<count).compactMap { _ in pieces.randomElement(using: &random) }.joined(separator: "\n")
      guard let message = try? Self.message(text) else { continue }
      accepted += 1
      let body = message.hasPrefix("Assigning stage") ? "Assigning" : text
      try Self.expectTrailers(message, body)
      let lines = message.split(separator: "\n")
      #expect(!lines.contains { $0.hasPrefix("-----BEGIN ") })
      #expect(lines.count { $0.lowercased().hasPrefix("stagekeeper-") && $0.contains(": ") } == 4)
    }
  }
}

extension String {
  /// Without white space at both ends.
  fileprivate var trimmingForTest: String {
    var text = self[...]
    while let first = text.unicodeScalars.first, first.properties.isWhitespace {
      text = Substring(text.unicodeScalars.dropFirst())
    }
    while let last = text.unicodeScalars.last, last.properties.isWhitespace {
      text = Substring(text.unicodeScalars.dropLast())
    }
    return String(text)
  }
}
