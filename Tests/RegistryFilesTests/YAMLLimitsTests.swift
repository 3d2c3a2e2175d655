import Testing

@testable import RegistryFiles

@Suite struct YAMLLimitsTests {
  @Test func sizeIsBounded() throws {
    let limits = YAMLLimits(maximumSize: 4)
    _ = try read("abcd", limits: limits)
    expectLimit("abcde", limits, "5 bytes")
  }

  @Test(arguments: ["[", "{a: ", "- ", "? x\n: "])
  func depthIsBounded(_ open: String) throws {
    for (levels, isAllowed) in [(64, true), (65, false), (200, false)] {
      let closes = ["[": "]", "{a: ": "}"]
      let close = closes[open] ?? ""
      var text = ""
      for level in 0..<levels {
        let indented = open.replacing("\n", with: "\n" + String(repeating: "  ", count: level))
        text += indented
      }
      text += String(repeating: close, count: levels)
      if isAllowed { _ = try read(text) } else { expectLimit(text, YAMLLimits(), "64 levels") }
    }
  }

  @Test func depthCountsWhatAliasesStandFor() throws {
    let limits = YAMLLimits(maximumDepth: 4)
    _ = try read("a: &a [[1]]\nb: [*a]", limits: limits)
    expectLimit("a: &a [[1]]\nb: [[*a]]", limits, "4 levels")
    expectLimit("a: &a [[1]]\nb: &b [*a]\nc: [*b]", limits, "4 levels")
  }

  @Test func aliasExpansionIsBounded() throws {
    var laughs = "a0: &a0 [lol, lol]\n"
    for level in 1..<60 { laughs += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
    expectLimit(laughs, YAMLLimits(), "aliases expand")

    let limits = YAMLLimits(maximumAliasExpansion: 12)
    _ = try read("- &a text\n- *a\n- *a", limits: limits)
    expectLimit("- &a text\n- *a\n- *a\n- *a", limits, "12 nodes")
  }

  private func expectLimit(_ text: String, _ limits: YAMLLimits, _ words: String) {
    let error = #expect(throws: RegistryFileError.self) { _ = try read(text, limits: limits) }
    #expect(error?.code == .limit && error?.message.contains(words) == true, "\(error as Any)")
  }
}
