import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// What `stagekeeperd --check` and `stagekeeper-admin config check` say, and how they end.
@Suite(.disabled(if: Sanitizer.isOn, "what checks it is started without the sanitizer's options"))
struct ConfigurationCheckTests {
  /// A state directory, and a token that a configuration names; everybody may look into the folder.
  private struct Fixture {
    let directory: TemporaryDirectory
    let file: String
    var token: String { directory.appending("token") }
    var state: String { directory.appending("state") }

    init() throws {
      directory = try TemporaryDirectory()
      let token = try directory.write("token", "secret")
      try Files.makeDirectories(directory.appending("state"))
      file = try directory.write(
        "worker.json5",
        """
        { stateDirectory: "\(directory.appending("state"))",
          repositories: { demo: { url: "https://git.example.com/x", https: { tokenFile: "\(token)" } } } }
        """)
      try Program.check("chmod", ["755", directory.path])
      try Program.check("chmod", ["644", file])
      try Program.check("chmod", ["600", token])
    }

    func own(_ path: String, _ user: String) throws { try Program.check("chown", [user, path]) }

    func check(_ options: String...) throws -> Program.Output {
      try Program.run(try BuiltProgram.path("stagekeeper-admin"), ["config", "check", file] + options)
    }
  }

  @Test("as root, files are judged for whoever owns the state directory")
  func owner() throws {
    guard ThisProcess.uid == 0 else { return }
    let fixture = try Fixture()
    #expect(try fixture.check().text.contains("good for user 'root'"))
    try fixture.own(fixture.state, "64303")
    // What root alone can read is of no use to the worker.
    let unreadable = try fixture.check()
    #expect(unreadable.exit == .exited(code: 78), "\(unreadable)")
    #expect(unreadable.errorText.contains("for user 64303"), "\(unreadable)")
    try fixture.own(fixture.token, "64304")
    try Program.check("chmod", ["644", fixture.token])
    let foreign = try fixture.check()
    #expect(foreign.errorText.contains("neither to user 64303"), "\(foreign)")
    #expect(foreign.errorText.contains("(chown 64303)"), "\(foreign)")
    try fixture.own(fixture.token, "64303")
    try Program.check("chmod", ["600", fixture.token])
    let good = try fixture.check("--json")
    #expect(good.exit == .success, "\(good)")
    #expect(try JSONValue(parsing: Array(good.text.utf8))["user"] == "64303")
  }

  @Test("as root, files are judged for who is named, and the configuration too")
  func named() throws {
    guard ThisProcess.uid == 0 else { return }
    let fixture = try Fixture()
    try fixture.own(fixture.token, "daemon")
    #expect(try fixture.check("--as", "daemon").text.contains("good for user 'daemon'"))
    #expect(try fixture.check("--as", "bin").exit == .exited(code: 78))
    #expect(try fixture.check("--as", "no-such-user").errorText.contains("there is no user"))
    try Program.check("chmod", ["600", fixture.file])
    let unreadable = try fixture.check("--as", "daemon")
    #expect(unreadable.exit == .exited(code: 78), "\(unreadable)")
    #expect(
      unreadable.errorText.contains("for user 'daemon': cannot read the configuration"), "\(unreadable)")
  }

  @Test("with --json what is wrong is an answer too")
  func jsonErrors() throws {
    let fixture = try Fixture()
    try Program.check("chmod", ["666", fixture.token])
    for file in [fixture.file, try fixture.directory.write("bad.json5", "{ repositorys: {} }"), "/nowhere"] {
      let run = try Program.run(
        try BuiltProgram.path("stagekeeper-admin"), ["config", "check", file, "--json"])
      #expect(run.exit == .exited(code: 78), "\(run)")
      let error = try JSONValue(parsing: Array(run.text.utf8))["error"]
      #expect(error?["code"] == "invalid_configuration" && error?["category"] == "refused", "\(run)")
      #expect(error?["message"]?.stringValue?.isEmpty == false)
    }
  }

  @Test("without the worker's program beside it there is nothing that checks")
  func noWorker() throws {
    let directory = try TemporaryDirectory()
    let program = directory.appending("stagekeeper-admin")
    try Program.check("cp", [try BuiltProgram.path("stagekeeper-admin"), program])
    let run = try Program.run(program, ["config", "check", "/nowhere", "--json"])
    #expect(run.exit == .exited(code: 69), "\(run)")
    #expect(try JSONValue(parsing: Array(run.text.utf8))["error"]?["category"] == "unavailable")
  }

  private func shell(_ script: String) throws -> Program.Output {
    let daemon = try BuiltProgram.path("stagekeeperd")
    let folder = daemon.dropLast("stagekeeperd".count)
    return try Program.run("sh", ["-c", script], environment: ["D=\(folder)"])
  }

  @Test(
    "what can't be written is not done",
    arguments: [
      "stagekeeperd --help", "stagekeeperd --version", "stagekeeperd --config $F --check",
      "stagekeeper-admin config check $F", "stagekeeper-admin --help", "stagekeeper --help",
    ])
  func fullOutput(_ command: String) throws {
    let directory = try TemporaryDirectory()
    defer { withExtendedLifetime(directory) {} }
    let file = try directory.write("good.json5", "{ repositories: {} }")
    let run = try shell("F=\(file); $D/\(command) > /dev/full")
    #expect(run.exit == .exited(code: 74), "\(command): \(run)")
    #expect(run.errorText.contains("cannot write"), "\(run)")
  }

  @Test("a command line that goes together with no file is a wrong command line")
  func usage() throws {
    let run = try shell("$D/stagekeeperd --config /nowhere --repo a=/x")
    #expect(run.exit == .exited(code: 64), "\(run)")
  }

  @Test(
    "bytes that are no text are no argument",
    arguments: ["stagekeeper show", "stagekeeper-admin queue", "stagekeeperd"])
  func malformedArguments(_ command: String) throws {
    let place = command.split(separator: " ").count
    let run = try shell("$D/\(command) \"$(printf 'z\\377')\"")
    #expect(run.exit == .exited(code: 64), "\(run)")
    #expect(run.errorText.contains("argument \(place) is not in UTF-8"), "\(run)")
  }

  @Test("lines have a priority where they go to systemd's journal, and nowhere else")
  func priorities() throws {
    let fixture = try Fixture()
    try Program.check("chmod", ["666", fixture.token])
    let log = fixture.directory.appending("log")
    func lines(_ stream: String) throws -> String {
      _ = try shell(
        ": > \(log); JOURNAL_STREAM=\(stream) $D/stagekeeperd --config \(fixture.file) --check 2> \(log)")
      return String(decoding: try Files.read(log, limit: 1 << 16), as: UTF8.self)
    }
    #expect(try lines("$(stat -c %d:%i \(log))").hasPrefix("<3>keys of a repository can't be used"))
    #expect(try lines("1:2").hasPrefix("stagekeeperd: keys of a repository can't be used"))
  }
}
