import RemoteURLs
import GitRemote
import SystemCalls
import TestSupport
import Testing

/// What faults of servers and networks turn into: a typed error within the deadline, without secrets.
@Suite struct FaultTests {
  private func tip(_ fixture: GitFixture) throws -> ObjectID {
    try #require(ObjectID(hex: fixture.git("rev-parse", "main")))
  }

  private func error(_ remote: TestRemote) throws -> GitRemoteError? {
    try remote.use { repository in
      #expect(throws: GitRemoteError.self) { try repository.fetchTags() }
    }
  }

  // MARK: - Who is there, and who are we

  @Test func unknownHostKey() throws {
    let server = try SSHServer()
    let remote = try TestRemote(ssh: server, GitFixture())
    remote.configuration.ssh.knownHostsFile = try server.makeEmptyKnownHosts()
    let error = try #require(try error(remote))
    #expect(error.code == .hostKeyUnknown)
    let file = try #require(remote.configuration.ssh.knownHostsFile)
    #expect(error.message.hasPrefix("\(file) has no key of 127.0.0.1:\(server.port)\n"), "\(error)")
  }

  @Test func changedHostKey() throws {
    let server = try SSHServer()
    let remote = try TestRemote(ssh: server, GitFixture())
    remote.configuration.ssh.knownHostsFile = try server.makeWrongKnownHosts()
    let error = try #require(try error(remote))
    #expect(error.code == .hostKeyChanged)
    let file = try #require(remote.configuration.ssh.knownHostsFile)
    #expect(
      error.message.hasPrefix("127.0.0.1:\(server.port) shows another key than \(file) has\n"), "\(error)")
    #expect(!error.message.contains("@@"), "\(error)")
  }

  @Test func wrongKey() throws {
    let server = try SSHServer()
    let remote = try TestRemote(ssh: server, GitFixture())
    remote.configuration.ssh.keyFile = try server.makeStrangersKey()
    let error = try error(remote)
    #expect(error?.code == .authenticationFailed)
    #expect(error?.message.contains("Permission denied") == true)
  }

  @Test func aRepositoryOfAnotherUser() throws {
    let remote = try TestRemote(path: GitFixture())
    let words =
      "fatal: detected dubious ownership in repository at '/x'\nTo add an exception, call: git config\n"
    let file = try remote.directory.write("words", words)
    remote.configuration.programs.git = try remote.directory.write(
      "git", "#!/bin/sh\ncat \(file) >&2; exit 128\n", mode: 0o755)
    let error = try #require(try error(remote))
    #expect(error.code == .foreignOwner)
    #expect(error.message.contains("chown -R: fatal: detected dubious ownership"), "\(error)")
    #expect(!error.message.contains("git config"), "\(error)")
  }

  @Test(arguments: ["wrong-secret-token", nil]) func wrongToken(_ token: String?) throws {
    let remote = try TestRemote(https: HTTPSGitServer(), GitFixture())
    remote.configuration.https.tokenFile = try token.map {
      try remote.directory.write("wrong", $0, mode: 0o600)
    }
    let error = try error(remote)
    #expect(error?.code == .authenticationFailed)
    #expect(error?.description.contains("wrong-secret-token") == false)
  }

  @Test func unknownAuthority() throws {
    let remote = try TestRemote(https: HTTPSGitServer(), GitFixture())
    let stranger = try HTTPSGitServer()
    remote.configuration.https.caFile = stranger.caFile
    let found = try error(remote)
    #expect(found?.code == .certificateInvalid, "\(stranger.port): \(String(describing: found))")
  }

  @Test(arguments: [true, false]) func redirectsAreRefused(_ plain: Bool) throws {
    let other = try HTTPSGitServer()
    let server = try HTTPSGitServer(extra: HTTPSGitServer.redirecting(to: other.url("")))
    let remote = try TestRemote(https: server, GitFixture(), plain: plain)
    let path = "/moved\(remote.fixture.path)"
    remote.configuration.url = try RemoteURL(plain ? server.plainURL(path) : server.url(path))
    let error = try error(remote)
    #expect(error?.code == .redirected, "\(String(describing: error))")
    _ = other
  }

  @Test func missingRepositories() throws {
    let fixture = try GitFixture()
    let missing = "\(fixture.path)-missing.git"
    let remotes = [
      try TestRemote(path: fixture), try TestRemote(ssh: SSHServer(), fixture),
      try TestRemote(https: HTTPSGitServer(), fixture),
    ]
    for remote in remotes {
      let url = remote.configuration.url.description
      remote.configuration.url = try RemoteURL(url.replacing(fixture.path, with: missing))
      #expect(try error(remote)?.code == .repositoryNotFound, "\(url)")
    }
  }

  @Test func nobodyListens() throws {
    let port = try Loopback.freePort()
    for scheme in ["ssh", "http", "https"] {
      let remote = try TestRemote(path: GitFixture())
      remote.configuration.url = try RemoteURL("\(scheme)://127.0.0.1:\(port)/repo.git")
      let error = try error(remote)
      #expect(error?.code == .unreachable, "\(scheme)")
    }
  }

  // MARK: - Silence

  @Test(arguments: ["ssh", "http", "https"]) func aServerThatNeverAnswers(_ scheme: String) throws {
    let listener = try LoopbackListener()
    let remote = try TestRemote(path: GitFixture())
    remote.configuration.url = try RemoteURL("\(scheme)://127.0.0.1:\(listener.port)/repo.git")
    remote.configuration.timeouts = .init(connect: 1, idle: 1, total: 5)
    let error = try error(remote)
    #expect(error?.code == .timeout)
    #expect(error?.outcomeUnknown == false)
  }

  @Test func aServiceThatNeverAnswers() throws {
    let remote = try TestRemote(ssh: SSHServer(forcedCommand: "exec sleep 1000"), GitFixture())
    remote.configuration.timeouts.connect = 2
    #expect(try error(remote)?.code == .timeout)
  }

  /// What a client cannot know while a hook hangs, it learns by asking.
  @Test(arguments: ["path", "ssh", "https"]) func aHangingHookLeavesTheOutcomeUnknown(_ kind: String) throws {
    let fixture = try GitFixture()
    let remote =
      switch kind {
      case "path": try TestRemote(path: fixture)
      case "ssh": try TestRemote(ssh: SSHServer(), fixture)
      default: try TestRemote(https: HTTPSGitServer(), fixture)
      }
    let gate = remote.directory.appending("gate")
    try fixture.installHook("pre-receive", "while [ ! -e \(gate) ]; do sleep 0.02; done")
    remote.configuration.timeouts.idle = 1
    let tip = try tip(fixture)
    try remote.use { repository in
      let made = try repository.makeTag("churn@v1.0.0", at: tip)
      let error = #expect(throws: GitRemoteError.self) { try repository.push([made], known: nil) }
      #expect(error?.code == .timeout)
      #expect(error?.outcomeUnknown == true)
      #expect(try repository.settle([made]) == [made.name: .absent])
      try remote.directory.write("gate", "")
      let outcome = try repository.push([made], known: nil).outcomes?[made.name]
      // The first push may land at any time now, and is then the same.
      #expect(outcome == .accepted || outcome == .alreadyThere || isLostRace(outcome))
      #expect(try repository.settle([made]) == [made.name: .same])
    }
  }

  /// What nginx says in place of an answer that takes longer than it waits, and what that means.
  struct Page: Sendable, CustomTestStringConvertible {
    let redirection: String
    let code: GitRemoteError.Code
    var testDescription: String { redirection }
  }

  @Test(
    "a proxy that is tired of waiting shows a page of its own, and the push may still land",
    arguments: [
      Page(redirection: "https://status.example.com/", code: .redirected),
      Page(redirection: "=404 /nothing", code: .repositoryNotFound),
      // The words of the page's type stand in libgit2's message.
      Page(redirection: "=200 /tired", code: .protocolViolation),
    ])
  func aProxyGivesUp(page: Page) throws {
    let type = "text/html; words=no-certificate-authentication-status code: 413"
    let server = try HTTPSGitServer(
      extra: """
        fastcgi_read_timeout 1s;
        error_page 504 \(page.redirection);
        location = /tired { default_type "\(type)"; return 200 "tired"; }
        """)
    let fixture = try GitFixture()
    let remote = try TestRemote(https: server, fixture)
    let gate = remote.directory.appending("gate")
    try fixture.installHook("pre-receive", "while [ ! -e \(gate) ]; do sleep 0.02; done")
    let tip = try tip(fixture)
    try remote.use { repository in
      let made = try repository.makeTag("churn@v1.0.0", at: tip)
      let error = try #require(throws: GitRemoteError.self) { try repository.push([made], known: nil) }
      #expect(error.code == page.code, "\(error)")
      #expect(error.outcomeUnknown)
      try remote.directory.write("gate", "")
    }
  }

  private func isLostRace(_ outcome: PushOutcome?) -> Bool {
    if case .rejected = outcome { true } else { false }
  }

  @Test func anAfterthoughtOfTheServerChangesNothing() throws {
    let fixture = try GitFixture()
    let remote = try TestRemote(path: fixture)
    try fixture.installHook("post-receive", "sleep 1000")
    remote.configuration.timeouts.idle = 1
    let tip = try tip(fixture)
    try remote.use { repository in
      let made = try repository.makeTag("churn@v1.0.0", at: tip)
      #expect(try repository.push([made], known: nil).outcomes == [made.name: .accepted])
    }
  }

  // MARK: - Broken connections

  @Test func aDeadSharedConnectionCostsOneRetry() throws {
    let server = try SSHServer()
    let fixture = try GitFixture()
    let tip = try tip(fixture)
    try TestRemote(ssh: server, fixture).use { repository in
      let refs = try repository.fetchTags()
      server.dropConnections()
      let made = try repository.makeTag("churn@v1.0.0", at: tip)
      #expect(try repository.push([made], known: refs).outcomes == [made.name: .accepted])
      server.dropConnections()
      #expect(try repository.fetchTags().count == 2)
    }
  }

  @Test func nothingStaysAfterClosing() throws {
    let server = try SSHServer()
    let remote = try TestRemote(ssh: server, GitFixture())
    try remote.use { repository in
      _ = try repository.fetchTags()
      #expect(!server.process.child.children.isEmpty)
    }
    let deadline = MonotonicTime.after(seconds: 20)
    while !server.process.child.children.isEmpty, !deadline.hasPassed { try Program.check("true", []) }
    #expect(server.process.child.children.isEmpty)
    #expect(try Files.names(in: remote.directory.path) == ["mirror"])
  }

  @Test func aServiceThatDropsTheConnectionMidPush() throws {
    let fixture = try GitFixture()
    let remote = try TestRemote(path: fixture)
    remote.configuration.programs.git = try remote.directory.write(
      "git", "#!/bin/sh\ngit receive-pack --http-backend-info-refs \(fixture.path); head -c 20 >/dev/null\n",
      mode: 0o755)
    let tip = try tip(fixture)
    try remote.use { repository in
      let made = try repository.makeTag("churn@v1.0.0", at: tip)
      let error = #expect(throws: GitRemoteError.self) { try repository.push([made], known: nil) }
      #expect(error?.code == .remoteHungUp)
      #expect(error?.outcomeUnknown == true)
    }
    #expect(try fixture.tags() == [])
  }

  @Test func aConnectionThatEndsBeforeThePushChangesNothing() throws {
    let remote = try TestRemote(
      ssh: SSHServer(forcedCommand: "echo 'down for maintenance' >&2; exit 1"), GitFixture())
    try remote.use { repository in
      let made = try repository.makeTag("churn@v1.0.0", at: tip(remote.fixture))
      let error = #expect(throws: GitRemoteError.self) { try repository.push([made], known: nil) }
      #expect(error?.code == .remoteHungUp)
      #expect(error?.outcomeUnknown == false)
      #expect(error?.message == "down for maintenance")
    }
  }

  // MARK: - Refusals

  @Test func preReceiveHooksSpeak() throws {
    let fixture = try GitFixture()
    try fixture.installHook("pre-receive", "printf '\\033[31mGH013: protected tag\\033[0m\\n' >&2; exit 1")
    let tip = try tip(fixture)
    try TestRemote(ssh: SSHServer(), fixture).use { repository in
      let refs = [try repository.makeTag("a@v1.0.0", at: tip), try repository.makeTag("b@v1.0.0", at: tip)]
      guard case .done(let report) = try repository.push(refs, known: nil) else { return }
      for ref in refs {
        #expect(report.outcomes[ref.name] == .rejected(reason: "pre-receive hook declined"))
      }
      #expect(report.serverWords == "[31mGH013: protected tag[0m")
    }
  }

  /// Somebody makes the ref after our look and before our push lands.
  @Test func ofTwoPushersOneWins() throws {
    let fixture = try GitFixture()
    let rival = try fixture.git("rev-parse", "main")
    try fixture.installHook(
      "pre-receive",
      "unset GIT_QUARANTINE_PATH; git update-ref refs/tags/churn@v1.0.0 \(rival)")
    let tip = try tip(fixture)
    try TestRemote(path: fixture).use { repository in
      let refs = [try repository.makeTag("churn@v1.0.0", at: tip), try repository.makeTag("other", at: tip)]
      let outcomes = try repository.push(refs, known: nil).outcomes
      guard case .rejected = outcomes?[refs[0].name] else {
        Issue.record("overwrote a ref: \(String(describing: outcomes))")
        return
      }
      #expect(outcomes?[refs[1].name] == .rejected(reason: "atomic transaction failed"))
    }
    #expect(try fixture.ref("refs/tags/churn@v1.0.0") == rival)
    #expect(try fixture.ref("refs/tags/other") == nil)
  }

  @Test func aTagOnACommitThatTheRemoteLacks() throws {
    let fixture = try GitFixture()
    try TestRemote(path: fixture).use { repository in
      let stranger = try #require(ObjectID(hex: String(repeating: "ab", count: 20)))
      let made = try repository.makeTag("churn@v1.0.0", at: stranger)
      guard case .rejected = try repository.push([made], known: nil).outcomes?[made.name] else {
        Issue.record("accepted")
        return
      }
    }
  }

  // MARK: - The server's disk

  /// A receive-pack that is given this pack's end and this reason for a ref.
  private func answering(_ unpack: String, _ words: String = "") throws -> Result<
    PushOutcome?, GitRemoteError
  > {
    let fixture = try GitFixture()
    let remote = try TestRemote(path: fixture)
    let report = "unpack \(unpack)\n", ref = "ng refs/tags/churn@v1.0.0 unpacker error\n"
    func packet(_ text: String) -> String {
      let digits = String(text.utf8.count + 4, radix: 16)
      return String(repeating: "0", count: 4 - digits.count) + digits + text
    }
    let said = words.isEmpty ? "" : packet("\u{2}" + words)
    let answer = said + packet("\u{1}" + packet(report) + packet(ref) + "0000") + "0000"
    let file = try remote.directory.write("answer", answer)
    remote.configuration.programs.git = try remote.directory.write(
      "git",
      "#!/bin/sh\ngit receive-pack --http-backend-info-refs \(fixture.path); head -c 200 >/dev/null; cat \(file)\n",
      mode: 0o755)
    let tip = try tip(fixture)
    return try remote.use { repository in
      let made = try repository.makeTag("churn@v1.0.0", at: tip)
      return Result { () throws(GitRemoteError) in
        try repository.push([made], known: nil).outcomes?[made.name]
      }
    }
  }

  @Test(
    "a server whose disk is to blame is asked again later",
    arguments: [
      ("unable to create temporary object directory", ""),
      ("index-pack abnormal exit", "fatal: write error: No space left on device\n"),
      ("unpack-objects abnormal exit", "error: unable to write file: Permission denied\n"),
    ])
  func serverDisk(_ unpack: String, _ words: String) throws {
    guard case .failure(let error) = try answering(unpack, words) else {
      Issue.record("no error")
      return
    }
    #expect(error.code == .serverDisk && !error.outcomeUnknown, "\(error)")
    #expect(error.message.contains(unpack) && error.message.contains(words.dropLast()), "\(error)")
  }

  @Test(
    "why a rule let no pack in is told",
    arguments: ["pack exceeds maximum allowed size", "index-pack abnormal exit", "something new"])
  func refusedPack(_ unpack: String) throws {
    let outcome = try answering(unpack).get()
    #expect(outcome == .rejected(reason: "unpacker error: \(unpack)"))
  }
}
