import Testing

@testable import Worker

struct PatternTests {
  @Test(
    "what matches",
    arguments: [
      ("churn", "churn"), ("*", ""), ("*", "anything/at=all"), ("churn*", "churn"), ("churn*", "churn-eu"),
      ("*eu", "churn-eu"), ("c*n*u", "churn-eu"), ("ch?rn", "churn"), ("??", "ab"), ("a*b*c", "a-b-b-c"),
      ("**", "x"), ("models/*", "models/a/b"), ("", ""), ("a*a", "aa"), ("*é", "café"), ("???", "é!"),
    ])
  func matches(_ pattern: String, _ name: String) {
    #expect(Pattern(pattern).matches(name))
  }

  @Test(
    "what does not",
    arguments: [
      ("churn", "churn-eu"), ("churn", "Churn"), ("", "x"), ("?", ""), ("a*a", "a"), ("churn*", "xchurn"),
      ("[a-z]", "b"), ("\\*", "*"), ("a?c", "ac"), ("é", "e\u{301}"), ("a*b", "a-b-c"),
    ])
  func doesNotMatch(_ pattern: String, _ name: String) {
    #expect(!Pattern(pattern).matches(name))
  }

  @Test("a hostile pattern costs the product of the lengths, not more")
  func hostile() {
    let pattern = Pattern(String(repeating: "*a", count: 500) + "b")
    #expect(!pattern.matches(String(repeating: "a", count: 1000)))
  }
}
