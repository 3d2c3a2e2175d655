import RemoteURLs
import Dispatch
import GitRemote
import TestSupport

/// What connects a test to a repository: where it is and how to log in.
final class TestRemote {
  let fixture: GitFixture
  var configuration: RemoteConfiguration
  let directory: TemporaryDirectory
  private(set) var servers: [AnyObject] = []

  /// A repository of plain Git by its path.
  init(path fixture: GitFixture) throws {
    self.fixture = fixture
    directory = try TemporaryDirectory(mode: 0o700)
    configuration = RemoteConfiguration(
      url: try RemoteURL(fixture.path), mirrorDirectory: directory.appending("mirror"),
      controlDirectory: directory.path)
    configuration.timeouts = .init(connect: 20, idle: 20, total: 60)
  }

  /// The same through an ssh server.
  convenience init(ssh server: SSHServer, _ fixture: GitFixture) throws {
    try self.init(path: fixture)
    servers.append(server)
    configuration.url = try RemoteURL(server.url(fixture.path))
    configuration.ssh = .init(keyFile: server.keyFile, knownHostsFile: server.knownHostsFile)
  }

  /// The same through an https server, or an http server.
  convenience init(https server: HTTPSGitServer, _ fixture: GitFixture, plain: Bool = false) throws {
    try self.init(path: fixture)
    servers.append(server)
    configuration.url = try RemoteURL(plain ? server.plainURL(fixture.path) : server.url(fixture.path))
    configuration.https = .init(username: "ci", tokenFile: server.tokenFile, caFile: server.caFile)
  }

  func open() throws -> RemoteRepository { try RemoteRepository(configuration) }

  /// Opens the repository for the time of the body; servers and files stay until its end.
  func use<Result>(_ body: (RemoteRepository) throws -> Result) throws -> Result {
    if configuration.https.caFile == nil { return try useNow(body) }
    Self.oneAuthority.wait()
    defer { Self.oneAuthority.signal() }
    return try useNow(body)
  }

  /// libgit2 knows one certificate authority for the whole process, where a lane has one repository.
  private static let oneAuthority = DispatchSemaphore(value: 1)

  private func useNow<Result>(_ body: (RemoteRepository) throws -> Result) throws -> Result {
    let repository = try open()
    defer { repository.close() }
    return try withExtendedLifetime(self) { try body(repository) }
  }
}

let tagger = TagObject.Tagger(name: "Stagekeeper", email: "stagekeeper@example.com", seconds: 1_700_001_000)

extension RemoteRepository {
  /// Makes a tag object and says which ref it is for.
  func makeTag(_ name: String, at commit: ObjectID, message: String = "Promote") throws -> PushedRef {
    let id = try writeTag(TagText.compose(name: name, commit: commit, tagger: tagger, message: message))
    return PushedRef(name: "refs/tags/\(name)", id: id)
  }
}

extension PushResult {
  var outcomes: [String: PushOutcome]? {
    if case .done(let report) = self { report.outcomes } else { nil }
  }
}
