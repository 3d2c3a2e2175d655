import StrictJSON
import Testing
import WireProtocol

@testable import Worker

struct RequestCheckTests {
  private func path(_ request: WriteRequest) -> String? {
    do throws(WireError) {
      try RequestCheck.check(request)
      return nil
    } catch {
      #expect(error.category == .usage)
      return error.details?["path"]?.stringValue
    }
  }

  @Test func good() {
    #expect(
      path(WriteRequest(.register, repository: "r", artifact: "dir:a/b_c-d", version: "v1.2.3-rc.1+b")) == nil
    )
    for ref in ["main", "refs/heads/x", "feature/a.b", "0123abc", "HEAD", "model@v1.0.0", "é"] {
      #expect(path(WriteRequest(.register, repository: "r", artifact: "a", ref: ref)) == nil, "\(ref)")
    }
    #expect(
      path(WriteRequest(.assign, repository: "r", artifact: "a", stage: "prod", ifCurrent: "none")) == nil)
  }

  @Test func bad() {
    #expect(path(WriteRequest(.register, repository: "r", artifact: "../a")) == "params.artifact")
    #expect(path(WriteRequest(.register, repository: "r", artifact: "a", version: "1.0")) == "params.version")
    #expect(path(WriteRequest(.assign, repository: "r", artifact: "a", stage: "p#d")) == "params.stage")
    for name in [
      "caf\u{E9}", "cafe\u{301}", "a\u{202E}b", "a\u{200B}b", "-a", "a-", "/a", "a/", "a.lock", "a@{b",
      "a..b",
      "a b", "a\nb", "a\u{0}b", "", "а",
    ] {
      #expect(
        path(WriteRequest(.register, repository: "r", artifact: name)) == "params.artifact",
        "\(name.debugDescription)")
      #expect(
        path(WriteRequest(.assign, repository: "r", artifact: "a", stage: name)) == "params.stage",
        "\(name.debugDescription)")
    }
    for ref in [
      "@", ".a", "a/.b", "a.lock", "a.lock/b", "a.", "/a", "a/", "a//b", "a\u{202E}b", "a\u{200B}b",
      "a\u{85}b",
      "a\u{2028}b", "a@{b", String(repeating: "a", count: 1025), "main~3", "main^", ":/text", "a..b", "@{1}",
      "-x", "", "a b", "x*", "a\\b", "a?b", "a\u{7F}b",
    ] {
      #expect(
        path(WriteRequest(.register, repository: "r", artifact: "a", ref: ref)) == "params.ref", "\(ref)")
    }
  }
}
