import StrictJSON
import SystemCalls
import TestSupport
import Testing
import WireProtocol

/// `stagekeeper assign` without arguments, on a real terminal.
@Suite struct QuestionTests {
  /// Runs a program on a pseudo-terminal: waits for each text and then types the answer. Prints what the
  /// terminal showed and ends with the program's status.
  private static let terminal = """
    import json, os, pty, select, sys
    dialogue, command = json.loads(sys.argv[1]), sys.argv[2:]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(command[0], command)
    shown, mark = b"", 0
    def more():
        global shown
        if not select.select([terminal], [], [], 60)[0]:
            sys.exit("nothing for a minute after: " + shown.decode())
        try:
            data = os.read(terminal, 65536)
        except OSError:
            data = b""
        shown += data
        return bool(data)
    for awaited, typed in dialogue:
        while awaited.encode() not in shown[mark:]:
            if not more():
                sys.exit("ended before it showed %r: %s" % (awaited, shown.decode()))
        mark = shown.index(awaited.encode(), mark) + len(awaited)
        os.write(terminal, typed.encode())
    while more():
        pass
    sys.stdout.write(shown.decode())
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """

  private func talk(
    _ worker: RealWorker, _ dialogue: [(String, String)], _ arguments: String...
  ) throws -> Program.Output {
    let json = JSONValue.array(dialogue.map { .array([.string($0.0), .string($0.1)]) })
    return try Program.run(
      "python3",
      [
        "-c", Self.terminal, String(decoding: json.serialized(), as: UTF8.self),
        try Products.path("stagekeeper"), "--socket", worker.socket, "assign",
      ] + arguments, environment: ["TERM=dumb"])
  }

  @Test("a terminal that knows no escape sequences gets none", arguments: ["dumb", "xterm"])
  func progressLine(_ term: String) throws {
    let server = try ScriptedServer { _, request in
      [.event(request, sampleJob(.queued, position: 3)), .result(request, sampleJob(.succeeded).json)]
    }
    let output = try Program.run(
      "python3",
      [
        "-c", Self.terminal, "[]", try Products.path("stagekeeper"), "--socket", server.path, "job", "wait",
        "7",
      ], environment: ["TERM=\(term)"])
    #expect(output.exit == .exited(code: 0) && output.text.contains("Pushed to repository"), "\(output)")
    #expect(output.text.contains("\u{1b}[K") == (term == "xterm"), "\(output)")
  }

  @Test func asksForEverything() async throws {
    let worker = try await RealWorker()
    try worker.remote.tag("spam@v0.9.0", message: "Registering")
    try worker.remote.tag("spam@v0.10.0", at: try worker.remote.commit(files: ["README": "spam\n"]))
    try worker.remote.tag("spam#dev#1", at: "spam@v0.9.0^{commit}")
    let end = try talk(
      worker,
      [
        ("Artifact: ", "nothing\r"), ("is none of them", ""), ("Artifact: ", "spam\r"),
        ("v0.9.0  (in dev)", ""), ("Version [v0.10.0]: ", "\r"), ("1  dev  (holds v0.9.0)", ""),
        ("Stage: ", "prod\r"), ("Message", "Off it goes\r"),
      ])
    #expect(end.exit == .exited(code: 0), "\(end.text) \(end.errorText)")
    #expect(end.text.contains("Created git tag 'spam#prod#2'"), "\(end.text)")
    let message = try worker.remote.git("tag", "--list", "--format=%(contents:subject)", "spam#prod#2")
    #expect(message == "Off it goes")
    #expect(
      try worker.remote.git("rev-parse", "spam#prod#2^{commit}")
        == worker.remote.git("rev-parse", "spam@v0.10.0^{commit}"))
  }

  @Test("options answer their questions, and numbers stand for names")
  func options() async throws {
    let worker = try await RealWorker()
    let end = try talk(
      worker, [("Artifact: ", "1\r"), ("Version [v1.0.0]: ", "2\r"), ("is none", ""), ("Version", "1\r")],
      "--stage", "prod", "-m", "By option")
    #expect(end.exit == .exited(code: 0), "\(end.text) \(end.errorText)")
    #expect(!end.text.contains("Stage: ") && !end.text.contains("Message"))
    #expect(try worker.remote.tags() == ["churn#prod#1", "churn@v1.0.0"])
  }

  @Test("the end of the input ends it, and nothing was done")
  func endOfInput() async throws {
    let worker = try await RealWorker()
    let end = try talk(worker, [("Artifact: ", "churn\r"), ("Version", "\u{04}")])
    #expect(end.exit == .exited(code: 64), "\(end.text) \(end.errorText)")
    #expect(try worker.remote.tags() == ["churn@v1.0.0"])
  }

  @Test("what is no terminal is never asked")
  func noTerminal() async throws {
    let worker = try await RealWorker()
    let end = try worker.stagekeeper("assign", "--stage", "prod")
    #expect(end.exit == .exited(code: 64) && end.errorText.contains("NAME is missing"), "\(end.errorText)")
  }
}
