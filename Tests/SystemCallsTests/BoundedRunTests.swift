import SystemCalls
import Testing

struct BoundedRunTests {
  private func run(_ script: String, input: String = "", seconds: Double = 60) throws -> BoundedRun.End {
    try BoundedRun.run(
      ChildCommand(executable: "/bin/sh", arguments: ["-c", script], environment: ["PATH=/usr/bin:/bin"]),
      input: SecretBytes(copying: Array(input.utf8)), outputLimit: 1000, until: .after(seconds: seconds))
  }

  private func text(_ end: BoundedRun.End) -> String {
    end.output.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }

  @Test func givesInputAndTakesOutput() throws {
    let end = try run("cat; echo words >&2; exit 3", input: "hello")
    #expect(end.reason == .exited(.exited(code: 3)))
    #expect(text(end) == "hello")
    #expect(end.errorText == Array("words\n".utf8))
  }

  @Test func exactlyTheLimitIsNotTooLong() throws {
    #expect(try run("head -c 1000 /dev/zero").reason == .exited(.exited(code: 0)))
    #expect(try run("head -c 1001 /dev/zero; sleep 1000").reason == .outputTooLong)
  }

  @Test func endsWhatHangs() throws {
    #expect(try run("sleep 1000 & sleep 1000", seconds: 0.2).reason == .timeout)
  }

  /// What it left behind holds the pipes, and may go on talking.
  @Test func doesNotWaitForWhatItLeftBehind() throws {
    let end = try run("sleep 5 & echo done")
    #expect(end.reason == .exited(.exited(code: 0)))
    #expect(text(end) == "done\n")
  }

  @Test func theErrorTextIsBounded() throws {
    #expect(try run("head -c 100000 /dev/zero >&2").errorText.count == 16 << 10)
  }
}
