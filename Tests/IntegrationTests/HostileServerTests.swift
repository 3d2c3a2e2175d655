import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// Git servers that want to harm the worker, behind a real sshd: bounded memory and time, a reason for whoever asked,
/// and nothing that another repository notices.
@Suite(.serialized)
struct HostileServerTests {
  private static let attemptSeconds = 4

  /// What the server does. Each is a part of `server`, below.
  enum Attack: String, CaseIterable {
    case endlessAdvertisement = "endless-advertisement"
    case manyRefs = "many-refs"
    case endlessPack = "endless-pack"
    case endlessWords = "endless-words"
    case endlessReport = "endless-report"
    case hugeObject = "huge-object"
    case emptyPack = "empty-pack"
    case silence
    case drip
    case reportOfOthers = "report-of-others"
    case escapes
  }

  @Test("a server that does its worst", arguments: Attack.allCases)
  func attack(_ attack: Attack) throws {
    let good = try GitFixture()
    let bad = try GitFixture()
    try bad.tag("other@v0.0.1")
    let directory = try TemporaryDirectory()
    let script = try directory.write("server.py", Self.server)
    let server = try SSHServer(forcedCommand: "exec python3 \(script) \(attack.rawValue) \(bad.path)")
    let worker = try WorkerFixture(
      configuration: """
        repositories: {
          bad: { url: "\(server.url(bad.path))",
                 ssh: { keyFile: "\(server.keyFile)", knownHostsFile: "\(server.knownHostsFile)" } },
          good: { url: "\(good.path)" },
        },
        \(ownerGrant)
        limits: { attemptSeconds: \(Self.attemptSeconds), attempts: 2, backoffMilliseconds: 50 },
        """)
    let pid = worker.pid
    let before = try HostileClient.residentMemory(of: pid)
    let job = try #require(
      try worker.ask("register", "churn", "--repo", "bad", "--version", "v1.0.0", "--no-wait")["job"]?
        .stringValue)
    var (lanePeak, promotions) = (0, 0)
    try Eventually.holds("the job ends: \(worker.output.suffix(1000))") {
      if let lane = try worker.lane(of: "bad") {
        lanePeak = max(lanePeak, (try? HostileClient.residentMemory(of: lane)) ?? 0)
      }
      // Others go on meanwhile.
      promotions += 1
      try worker.ask("register", "model-\(promotions)", "--repo", "good", "--version", "v1.0.0")
      return try ["failed", "rejected", "succeeded"].contains(
        worker.ask("job", "status", job)["state"]?.stringValue)
    }
    let end = try worker.ask("job", "status", job)
    let code = end["error"]?["code"]?.stringValue ?? end["state"]?.stringValue ?? ""
    #expect(attack.ends.contains(code), "\(end.text())")
    #expect(end["error"]?.text().unicodeScalars.contains { $0.value == 0x1B || $0.value == 0x202E } != true)
    #expect(try good.tags().count == promotions)
    // In kilobytes.
    #expect(Sanitizer.isOn || lanePeak < 700_000, "the lane took \(lanePeak) kB")
    #expect(try Sanitizer.isOn || HostileClient.residentMemory(of: pid) < before + 64_000)
    let state = try Program.check("du", ["-sk", worker.stateDirectory]).split(separator: "\t").first
    #expect(state.flatMap { Int($0) } ?? .max < 100_000)
    try worker.stop()
  }

  /// Answers over ssh in place of Git: `server.py ATTACK REPOSITORY`.
  private static let server = #"""
    import os, subprocess, sys, time, zlib, struct, hashlib
    attack, repository = sys.argv[1:3]
    pushing = "receive-pack" in os.environ["SSH_ORIGINAL_COMMAND"]
    out = sys.stdout.buffer

    def line(data): return b"%04x" % (len(data) + 4) + data
    def say(data): out.write(data); out.flush()

    def advertise():
        say(subprocess.run(["git", "receive-pack" if pushing else "upload-pack", "--http-backend-info-refs",
                            repository], stdout=subprocess.PIPE, check=True).stdout)

    def request():
        "What the client says until it waits."
        os.set_blocking(0, True)
        data = os.read(0, 65536)
        time.sleep(0.2)
        os.set_blocking(0, False)
        try:
            while more := os.read(0, 65536): data += more
        except BlockingIOError: pass
        os.set_blocking(0, True)
        return data

    def pack(objects):
        body = b"PACK" + struct.pack(">II", 2, len(objects)) + b"".join(objects)
        return body + hashlib.sha1(body).digest()

    def header(kind, size):
        byte, size, result = kind << 4 | size & 15, size >> 4, b""
        while size: result += bytes([byte | 128]); byte, size = size & 127, size >> 7
        return result + bytes([byte])

    if attack == "silence": time.sleep(600)
    if attack == "drip":
        while True: say(b"f"); time.sleep(1)
    if attack == "endless-advertisement":
        n = 0
        while True:
            say(b"".join(line(b"%040x refs/tags/churn@v1.%d.%d" % (n + i + 1, n, i)) for i in range(1000))); n += 1000
    if attack == "many-refs":
        # As many as can be, that all name what is not there.
        rows = (line(b"%040x refs/tags/t@v1.0.%d\n" % (i + 1, i)) for i in range(300_000))
        say(line(b"%040x HEAD\0side-band-64k report-status ofs-delta\n" % 1)); say(b"".join(rows) + b"0000")
        request(); say(line(b"NAK\n") + b"0000"); sys.exit()
    advertise()
    said = request()
    if not pushing and attack in ("endless-pack", "huge-object", "empty-pack"):
        say(line(b"NAK\n"))
        if attack == "empty-pack": say(line(b"\1" + pack([]))); say(b"0000"); sys.exit()
        if attack == "endless-pack":
            say(line(b"\1PACK" + struct.pack(">II", 2, 1 << 30)))
            commit = header(1, 200) + zlib.compress(os.urandom(200))
            while True: say(line(b"\1" + commit * 200))
        # A commit of 6 GB of nothing.
        size, stream = 6 << 30, zlib.compressobj(9)
        data = b"PACK" + struct.pack(">II", 2, 1) + header(1, size)
        for _ in range(size >> 20):
            data += stream.compress(bytes(1 << 20))
            while len(data) > 60000: say(line(b"\1" + data[:60000])); data = data[60000:]
        say(line(b"\1" + data + stream.flush())); say(b"0000"); sys.exit()
    if not pushing:
        # The rest is about pushes: fetches are Git's own.
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.exit(subprocess.run(["git", "upload-pack", "--stateless-rpc", repository], input=said).returncode)
    if attack == "endless-words":
        while True: say(line(b"\2" + b"spam " * 12000))
    if attack == "endless-report":
        while True: say(line(b"\1" + line(b"unpack " + b"x" * 60000)))
    if attack == "report-of-others":
        say(line(b"\1" + line(b"unpack ok\n") + line(b"ok refs/tags/other\n") + b"0000") + b"0000"); sys.exit()
    if attack == "escapes":
        ref = said.split(b" ")[2].split(b"\0")[0]
        say(line("\2\x1b[2J\u202eevil\x07".encode()))
        say(line(b"\1" + line(b"unpack ok\n") + line(b"ng " + ref + " \x1b]0;evil\x07\u202e no\n".encode()) + b"0000"))
        say(b"0000"); sys.exit()
    """#
}

extension HostileServerTests.Attack {
  /// The codes with which the job may end.
  fileprivate var ends: [String] {
    switch self {
    case .endlessAdvertisement, .endlessPack, .endlessWords, .endlessReport, .hugeObject:
      ["remote_protocol", "remote_timeout", "outcome_unknown", "remote_unreachable"]
    case .manyRefs, .emptyPack: ["remote_protocol", "remote_timeout", "remote_unreachable"]
    case .silence, .drip: ["remote_timeout", "remote_unreachable"]
    case .reportOfOthers: ["outcome_unknown", "remote_protocol"]
    case .escapes: ["remote_refused"]
    }
  }
}
