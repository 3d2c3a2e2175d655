import RemoteURLs
import GitRemote
import SystemCalls
import TestSupport
import Testing

/// Conversations over http follow each other over one connection, as long as it is good.
struct ConnectionReuseTests {
  private func pushes(_ count: Int, _ repository: RemoteRepository, prefix: String = "churn@v") throws {
    for number in 1...count {
      let refs = try repository.fetchTags()
      let head = try #require(refs.head)
      let made = try repository.makeTag("\(prefix)\(number).0.0", at: head)
      let outcomes = try repository.push([made], known: refs).outcomes
      #expect(outcomes == [made.name: .accepted])
    }
  }

  private func connections(_ server: HTTPSGitServer) -> Int { Set(server.requests.map(\.connection)).count }

  @Test(
    "fetches and pushes go over one connection, and say who they are without being asked again",
    arguments: [true, false])
  func oneConnection(plain: Bool) throws {
    let server = try HTTPSGitServer()
    let remote = try TestRemote(https: server, GitFixture(), plain: plain)
    try remote.use { try pushes(4, $0) }
    try Eventually.holds("the log has all") { server.requests.count(where: { $0.status == "200" }) >= 11 }
    #expect(connections(server) == 1)
    #expect(server.requests.count(where: { $0.status == "401" }) == 1)
    #expect(try remote.fixture.tags().count == 4)
  }

  @Test(
    "servers that close the connection after each answer, or after a few",
    arguments: ["keepalive_timeout 0;", "keepalive_requests 3;"])
  func closingServer(setting: String) throws {
    let server = try HTTPSGitServer(extra: setting)
    try TestRemote(https: server, GitFixture()).use { try pushes(4, $0) }
    #expect(connections(server) > 2)
  }

  @Test("who pushes does not notice that the server closed the connection meanwhile")
  func reloadedServer() throws {
    let server = try HTTPSGitServer()
    try TestRemote(https: server, GitFixture()).use { repository in
      try pushes(1, repository)
      try server.reload()
      try pushes(1, repository, prefix: "fraud@v")
    }
  }

  @Test("a connection through which nothing comes any more costs one retry")
  func deadConnection() throws {
    let server = try HTTPSGitServer()
    let proxy = try NetworkProxy(to: server.plainPort)
    let remote = try TestRemote(https: server, GitFixture(), plain: true)
    remote.configuration.timeouts.connect = 2
    let port = ":\(server.plainPort)/"
    remote.configuration.url = try RemoteURL(
      server.plainURL(remote.fixture.path).replacing(port, with: ":\(proxy.port)/"))
    try remote.use { repository in
      try pushes(1, repository)
      try proxy.silenceConnections()
      try pushes(1, repository, prefix: "fraud@v")
    }
    #expect(connections(server) == 2)
  }

  @Test("a connection that waits too long is ended, and with it what it holds of the password")
  func endOfRest() throws {
    let server = try HTTPSGitServer()
    try TestRemote(https: server, GitFixture()).use { repository in
      #expect(repository.rest() == nil)
      try pushes(1, repository)
      let end = try #require(repository.rest())
      #expect(!end.hasPassed)
      #expect(end < .after(seconds: 60))
      repository.endRest()
      #expect(repository.rest() == nil)
      try pushes(1, repository, prefix: "fraud@v")
    }
    #expect(connections(server) == 2)
  }

  @Test("what the token's file says now counts, and not what the connection was opened with")
  func changedToken() throws {
    let server = try HTTPSGitServer()
    let remote = try TestRemote(https: server, GitFixture())
    let file = try remote.directory.write("changing", server.token, mode: 0o600)
    remote.configuration.https.tokenFile = file
    try remote.use { repository in
      try pushes(1, repository)
      try remote.directory.write("changing", "another", mode: 0o600)
      let error = #expect(throws: GitRemoteError.self) { try repository.fetchTags() }
      #expect(error?.code == .authenticationFailed)
      try server.accept("another")
      try pushes(1, repository, prefix: "fraud@v")
    }
  }

  @Test("a token that is revoked is refused on a connection that it opened")
  func revokedToken() throws {
    let server = try HTTPSGitServer()
    try TestRemote(https: server, GitFixture()).use { repository in
      try pushes(1, repository)
      try server.accept("another")
      let error = #expect(throws: GitRemoteError.self) { try repository.fetchTags() }
      #expect(error?.code == .authenticationFailed)
    }
  }

  @Test("a token that is refused between the server's first answer and the push: nothing was changed")
  func refusedAtThePush() throws {
    let server = try HTTPSGitServer(extra: "location ~ /git-receive-pack$ { return 401; }")
    let remote = try TestRemote(https: server, GitFixture())
    try remote.use { repository in
      let refs = try repository.fetchTags()
      let head = try #require(refs.head)
      let made = try repository.makeTag("churn@v1.0.0", at: head)
      let error = #expect(throws: GitRemoteError.self) { try repository.push([made], known: refs) }
      #expect(error?.code == .authenticationFailed)
      #expect(error?.outcomeUnknown == false)
    }
    #expect(try remote.fixture.tags().isEmpty)
  }
}
