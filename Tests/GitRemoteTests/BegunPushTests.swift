import SystemCalls
import TestSupport
import Testing

@testable import GitRemote

/// The server gets ready for a push while its caller does something else.
struct BegunPushTests {
  enum Way: CaseIterable { case path, ssh, https }

  private func remote(_ way: Way) throws -> TestRemote {
    switch way {
    case .path: try TestRemote(path: GitFixture())
    case .ssh: try TestRemote(ssh: SSHServer(), GitFixture())
    case .https: try TestRemote(https: HTTPSGitServer(), GitFixture())
    }
  }

  private func receivers(_ remote: TestRemote) -> [Int32] {
    ProcessTable.descendants(of: ThisProcess.pid).filter { pid in
      let arguments = ProcessTable.arguments(pid)
      return arguments.contains { $0.hasSuffix("receive-pack") } && arguments.contains(remote.fixture.path)
    }
  }

  /// What holds the shared ssh connection.
  private func connections(_ remote: TestRemote) -> [Int32] {
    ProcessTable.descendants(of: ThisProcess.pid).filter { pid in
      ProcessTable.arguments(pid).contains { $0.contains(remote.directory.path) }
    }
  }

  @Test("a push goes on with what was begun", arguments: Way.allCases)
  func used(way: Way) throws {
    let remote = try remote(way)
    try remote.use { repository in
      for number in 1...3 {
        let refs = try repository.fetchTags()
        let made = try repository.makeTag("churn@v\(number).0.0", at: try #require(refs.head))
        repository.beginPush()
        #expect(try repository.push([made], known: refs).outcomes == [made.name: .accepted])
      }
    }
    #expect(try remote.fixture.tags().count == 3)
    guard let server = remote.servers.first as? HTTPSGitServer else { return }
    try Eventually.holds("the log has all") {
      server.requests.count(where: { $0.line.hasPrefix("POST") && $0.line.contains("/git-receive-pack") })
        == 3
    }
    let asked = server.requests.filter { $0.line.contains("service=git-receive-pack") }
    #expect(asked.count(where: { $0.status == "200" }) == 3)
  }

  @Test(
    "what others made meanwhile is not overwritten, and told where the names meet", arguments: Way.allCases)
  func overtaken(way: Way) throws {
    let remote = try remote(way)
    try remote.use { repository in
      let refs = try repository.fetchTags()
      let made = try repository.makeTag("churn#prod#1", at: try #require(refs.head))
      repository.beginPush()
      let there = try remote.fixture.tag("churn#prod#1")
      switch try repository.push([made], known: refs) {
      // Where the server's program had not looked yet.
      case .changed: #expect(way != .https)
      case .done(let report):
        guard case .rejected = report.outcomes[made.name] else {
          Issue.record("\(report)")
          return
        }
      }
      #expect(try remote.fixture.ref("refs/tags/churn#prod#1") == there)
      #expect(try repository.settle([made])[made.name] != .same)
    }
  }

  @Test("who repeats a push, or asks what became of one, asks the server anew", arguments: Way.allCases)
  func anew(way: Way) throws {
    let remote = try remote(way)
    try remote.use { repository in
      let refs = try repository.fetchTags()
      let made = try repository.makeTag("churn#prod#1", at: try #require(refs.head))
      #expect(try repository.push([made], known: refs).outcomes == [made.name: .accepted])
      try remote.fixture.git("update-ref", "-d", made.name)
      repository.beginPush()
      try remote.fixture.git("update-ref", made.name, made.id.description)
      #expect(try repository.push([made], known: nil).outcomes == [made.name: .alreadyThere])
      repository.beginPush()
      try remote.fixture.git("update-ref", "-d", made.name)
      #expect(try repository.settle([made]) == [made.name: .absent])
      repository.beginPush()
      try remote.fixture.git("update-ref", made.name, made.id.description)
      let fresh = try repository.fetchTags()
      // Nothing is left of what was begun before that.
      let third = try repository.makeTag("churn#prod#3", at: try #require(refs.head))
      #expect(try repository.push([third], known: fresh).outcomes == [third.name: .accepted])
    }
  }

  @Test("what was begun ends after a second, and leaves nothing behind")
  func expired() throws {
    let remote = try remote(.path)
    try remote.use { repository in
      let refs = try repository.fetchTags()
      repository.beginPush()
      try Eventually.holds("the server's program runs") { receivers(remote).count == 1 }
      let end = try #require(repository.rest())
      #expect(end < .after(seconds: 1))
      repository.endRest()
      #expect(repository.rest() == nil)
      try Eventually.holds("it has ended") { receivers(remote).isEmpty }

      let made = try repository.makeTag("churn@v1.0.0", at: try #require(refs.head))
      repository.beginPush()
      try Eventually.holds("its time is over") { end.advanced(bySeconds: 2).hasPassed }
      try remote.fixture.tag("fraud@v1.0.0")
      guard case .changed = try repository.push([made], known: refs) else {
        Issue.record("it went on with what was too old")
        return
      }
      repository.beginPush()
    }
    try Eventually.holds("closing ends it too") { receivers(remote).isEmpty }
  }

  @Test("one that dies before it is used costs one retry", arguments: [Way.path, .ssh])
  func dead(way: Way) throws {
    let remote = try remote(way)
    try remote.use { repository in
      let refs = try repository.fetchTags()
      let made = try repository.makeTag("churn@v1.0.0", at: try #require(refs.head))
      repository.beginPush()
      try Eventually.holds("the server's program runs") { !receivers(remote).isEmpty }
      let pids = way == .path ? receivers(remote) : connections(remote)
      #expect(pids.count == 1)
      for pid in pids { ProcessTable.kill(pid) }
      try Eventually.holds("it has ended") { !pids.contains(where: ProcessTable.isAlive) }
      #expect(try repository.push([made], known: refs).outcomes == [made.name: .accepted])
    }
  }

  @Test("the push says what went wrong, and nothing was changed")
  func failure() throws {
    let server = try HTTPSGitServer()
    let remote = try TestRemote(https: server, GitFixture())
    try remote.use { repository in
      let refs = try repository.fetchTags()
      let made = try repository.makeTag("churn@v1.0.0", at: try #require(refs.head))
      try server.accept("another")
      repository.beginPush()
      let error = #expect(throws: GitRemoteError.self) { try repository.push([made], known: refs) }
      #expect(error?.code == .authenticationFailed)
      #expect(error?.outcomeUnknown == false)
      try server.accept(server.token)
      #expect(try repository.push([made], known: refs).outcomes == [made.name: .accepted])
    }
  }
}
