import LaneProtocol
import SystemCalls
import TestSupport
import Testing

@testable import Worker

struct ConfigurationTests {
  private func read(_ text: String) throws -> Configuration { try Configuration(json5: Array(text.utf8)) }

  private func problem(_ text: String) -> String {
    do throws(ConfigurationError) {
      _ = try Configuration(json5: Array(text.utf8))
      return "none"
    } catch {
      return error.message
    }
  }

  /// The example of the documentation, with everything that has a place in it.
  @Test func everything() throws {
    let configuration = try read(
      """
      {
        stateDirectory: "/var/lib/stagekeeper",
        sockets: { client: { path: "/run/stagekeeper/worker.sock", mode: "0660" },
                   admin:  { path: "/run/stagekeeper/admin.sock" } },
        repositories: {
          churn: {
            url: "ssh://git@git.example.com/ml/churn.git", // or https
            ssh: { keyFile: "/etc/k", knownHostsFile: "/etc/h" },
            tagger: { name: "Keeper", email: "k@example.com" },
            signing: { format: "ssh", keyFile: "/etc/s", required: true },
            defaultBranch: "main", tagsPerPush: 5,
          },
          web: { url: "https://git.example.com/x", https: { username: "u", tokenFile: "/t", caFile: "/c" } },
          app: { url: "https://git.example.com/y", https: { credentialCommand: ["/c", "y"] },
                 containment: { landlock: "required", read: ["/o"], memoryBytes: 1073741824 } },
        },
        tenants: { fraud: { users: ["root"], groups: ["daemon"], uids: [4001], gids: [0] } },
        grants: [ { tenants: ["fraud"], repositories: ["churn"], artifacts: ["churn*"],
                    actions: ["assign", "read"], stages: ["dev"] },
                  { tenants: ["fraud"], repositories: ["*"], actions: ["*"] } ],
        limits: { attemptSeconds: 5, lanes: 2 },
      }
      """)
    #expect(
      configuration.clientSockets[0] == SocketConfiguration(path: "/run/stagekeeper/worker.sock", mode: 0o660)
    )
    #expect(configuration.adminSocket.mode == 0o600)
    let churn = try #require(configuration.repository("churn"))
    #expect(churn.ssh == SSHConfiguration(keyFile: "/etc/k", knownHostsFile: "/etc/h"))
    #expect(churn.signing?.required == true)
    #expect((churn.defaultBranch, churn.tagsPerPush) == ("main", 5))
    let web = try #require(configuration.repository("web"))
    #expect(web.https == HTTPSConfiguration(username: "u", tokenFile: "/t", caFile: "/c"))
    #expect((web.tagsPerPush, web.tagger.name) == (3, "Stagekeeper"))
    let app = try #require(configuration.repository("app"))
    #expect(app.https?.credentialCommand == ["/c", "y"])
    #expect((app.containment.landlock, app.containment.memoryBytes) == (.required, 1 << 30))
    #expect(configuration.tenants.first?.uids == [0, 4001])
    #expect(configuration.grants.first?.actions == [.assign, .read])
    #expect(configuration.grants.last?.actions == Set(GrantedAction.allCases))
    #expect(configuration.grants.last?.artifacts == nil)
    #expect(
      (configuration.limits.attemptSeconds, configuration.limits.lanes, configuration.limits.attempts) == (
        5, 2, 8
      ))
  }

  struct Mistake: CustomTestStringConvertible, Sendable {
    let text: String
    let words: String
    var testDescription: String { words }

    init(_ text: String, _ words: String) {
      self.text = text
      self.words = words
    }
  }

  static let mistakes = [
    Mistake("{", "line 1, column 2"), Mistake("[]", "expected an object"),
    Mistake("{}", "repositories: is missing: {} where there is none yet"),
    Mistake("{ repositorys: {} }", "repositorys: unknown key; did you mean \"repositories\"?"),
    Mistake(
      "{ repositories: { a: { ulr: '/x' } } }", "repositories.a.ulr: unknown key; did you mean \"url\"?"),
    Mistake(
      "{ repositories: { a: { url: '/r', signing: { fromat: 'ssh', keyFile: '/k' } } } }",
      "repositories.a.signing.fromat: unknown key; did you mean \"format\"?"),
    Mistake(
      "{ repositories: {}, grants: [ { tenant: ['t'], repositories: ['*'], actions: ['*'] } ] }",
      "grants[0].tenant: unknown key; did you mean \"tenants\"?"),
    Mistake(
      "{ repositories: {}, conditions: [ { repositories: ['*'], stage: ['*'], signed: true } ] }",
      "conditions[0].stage: unknown key; did you mean \"stages\"?"),
    Mistake(
      "{ repositories: {}, conditions: [ { repositories: ['*'], stages: ['*'], approvals: { require: 1 } } ] }",
      "conditions[0].approvals.require: unknown key; did you mean \"required\"?"),
    Mistake(
      "{ repositories: {}, conditions: [ { repositories: ['*'], stages: ['*'], freeze: [ { form: 'x' } ] } ] }",
      "conditions[0].freeze[0].form: unknown key; did you mean \"from\"?"),
    Mistake("{ repositories: {}, stateDirectroy: '/x' }", "did you mean \"stateDirectory\"?"),
    Mistake("{ repositories: {}, stateDirectory: 'x' }", "stateDirectory: expected an absolute path"),
    Mistake("{ repositories: { a: {} } }", "repositories.a.url: is missing"),
    Mistake(
      "{ repositories: { a: { url: '/r', tagsPerPsh: 1 } } }",
      "repositories.a.tagsPerPsh: unknown key; did you mean \"tagsPerPush\"?"),
    Mistake(
      "{ repositories: { a: { url: '/r', tagsPerPush: 0 } } }",
      "repositories.a.tagsPerPush: 0 is not between 1 and 1000"),
    Mistake("{ repositories: { a: { url: '/r', ssh: { keyfile: '/k' } } } }", "did you mean \"keyFile\"?"),
    Mistake("{ repositories: { '../a': { url: '/r' } } }", "a repository's id has"),
    Mistake("{ repositories: { a: { url: 'ftp://x/y' } } }", "repositories.a.url: expected ssh://"),
    Mistake("{ repositories: { a: { url: 'relative/path' } } }", "repositories.a.url"),
    Mistake("{ repositories: { a: { url: 'https://u:secret@x/y' } } }", "holds a password"),
    Mistake(
      "{ repositories: { a: { url: '/r', signing: { format: 'pgp', keyFile: '/k' } } } }",
      "\"pgp\" is none of"),
    Mistake(
      "{ repositories: { a: { url: '/r', signing: { format: 'x509', keyFile: '/k' } } } }",
      "certificateFile: is missing"),
    Mistake(
      "{ repositories: { a: { url: '/r', ssh: { keyFile: '$HOME/k' } } } }", "the only variable that a path"),
    Mistake(
      "{ repositories: { a: { url: '/r', https: { tokenFile: '/t', credentialCommand: ['/c'] } } } }",
      "credentialCommand: stands beside tokenFile"),
    Mistake(
      "{ repositories: { a: { url: '/r', https: { credentialCommand: ['give'] } } } }",
      "a program's absolute path"),
    Mistake("{ repositories: { a: { url: '/r', containment: { landlock: 'on' } } } }", "\"on\" is none of"),
    Mistake("{ repositories: { a: { url: '/r', containment: { read: ['/'] } } } }", "below the root"),
    Mistake("{ repositories: { a: { url: '/r', tagger: { email: 'a>b' } } } }", "tagger.email"),
    Mistake(
      "{ repositories: {}, sockets: { client: { mode: 438 } } }", "sockets.client.mode: expected a string"),
    Mistake("{ repositories: {}, sockets: { client: { mode: '0888' } } }", "octal"),
    Mistake(
      "{ repositories: {}, sockets: { client: { path: '/run/x/../y.sock' } } }", "expected the path of a file"
    ),
    Mistake(
      "{ repositories: {}, sockets: { admin: { path: '/run//y.sock' } } }", "expected the path of a file"),
    Mistake("{ repositories: {}, sockets: { client: { path: '/run/' } } }", "expected the path of a file"),
    Mistake("{ repositories: {}, stateDir: '/x' }", "did you mean \"stateDirectory\"?"),
    Mistake("{ repositories: {}, sockets: { cleint: {} } }", "did you mean \"client\"?"),
    Mistake(
      "{ repositories: {}, sockets: { client: { path: '/\(String(repeating: "x", count: 107))' } } }",
      "107 bytes"),
    Mistake(
      "{ repositories: {}, sockets: { client: { tenant: 't' } } }",
      "sockets.client.tenant: there is no tenant"),
    Mistake(
      "{ repositories: {}, sockets: { clients: [ { path: '/x', tenant: 't' } ] } }",
      "sockets.clients[0].tenant: there is no tenant"),
    Mistake("{ repositories: {}, tenants: { t: {} } }", "nobody belongs to it"),
    Mistake(
      "{ repositories: {}, tenants: { t: { users: ['no such user'] } } }", "there is no user \"no such user\""
    ),
    Mistake("{ repositories: {}, tenants: { t: { groups: ['no such group'] } } }", "there is no group"),
    Mistake("{ repositories: {}, tenants: { t: { uids: [-1] } } }", "tenants.t.uids[0]"),
    Mistake("{ repositories: {}, tenants: { t: { uids: [4294967295] } } }", "tenants.t.uids[0]"),
    Mistake("{ repositories: {}, tenants: { t: { uids: [1.0] } } }", "expected an integer"),
    Mistake(
      "{ repositories: {}, tenants: { fraud: { uids: [1] } }, grants: [ { tenants: ['frauds'], repositories: ['*'], actions: ['*'] } ] }",
      "grants[0].tenants: there is no tenant \"frauds\"; did you mean \"fraud\"?"),
    Mistake(
      "{ repositories: {}, tenants: { t: { uids: [1] } }, grants: [ { tenants: ['t'], repositories: ['*'], actions: ['asign'] } ] }",
      "did you mean \"assign\"?"),
    Mistake(
      "{ repositories: {}, grants: [ { tenants: [], repositories: ['*'], actions: ['*'] } ] }",
      "grants[0].tenants: is missing"),
    Mistake(
      "{ repositories: {}, limits: { atempts: 3 } }",
      "limits.atempts: unknown key; did you mean \"attempts\"?"),
    Mistake("{ repositories: {}, limits: { attempts: 0 } }", "limits.attempts: 0 is not between"),
    Mistake("{ repositories: { a: { url: '/r' }, a: { url: '/s' } } }", "\"a\" is there twice"),
  ]

  @Test("a mistake is named with its place and the nearest key", arguments: mistakes)
  func mistake(_ mistake: Mistake) {
    #expect(problem(mistake.text).contains(mistake.words), "\(problem(mistake.text))")
  }

  private static func withBranch(_ name: String) -> String {
    "{ repositories: { a: { url: '/r', defaultBranch: '\(name)' } } }"
  }

  @Test(
    "a default branch is the name of one", arguments: ["", "a b", "-x", "HEAD", "a..b", "x.lock", "heads/x"])
  func branches(_ name: String) throws {
    #expect(problem(Self.withBranch(name)).hasPrefix("repositories.a.defaultBranch: "))
    #expect(
      problem(Self.withBranch("refs/heads/main")).hasSuffix(
        "defaultBranch: begins with \"refs/heads/\": give the name of the branch alone"))
    #expect(try read(Self.withBranch("release/1.0")).repository("a")?.defaultBranch == "release/1.0")
  }

  @Test("a URL that no lane can use is refused with the file")
  func badURL() {
    let error = #expect(throws: ConfigurationError.self) {
      try RepositoryConfiguration(id: "a", url: "ssh://host:0/x")
    }
    #expect(error?.message == "--repo a.url: has a port that is not a number from 1 to 65535")
  }

  @Test("an error never repeats a password from a url")
  func secrets() {
    #expect(!problem("{ repositories: { a: { url: 'https://user:hunter2@x/y' } } }").contains("hunter2"))
  }

  @Test(
    "null is not the same as left out",
    arguments: [
      ("{ repositories: null }", "repositories"),
      ("{ repositories: {}, sockets: null }", "sockets"),
      ("{ repositories: {}, limits: { lanes: null } }", "limits.lanes"),
      ("{ repositories: { a: { url: '/r', signing: null } } }", "repositories.a.signing"),
      (
        "{ repositories: { a: { url: '/r', verification: { caFile: null } } } }",
        "repositories.a.verification.caFile"
      ),
      ("{ repositories: {}, tenants: { t: { uids: [1, null] } } }", "tenants.t.uids[1]"),
      ("{ repositories: {}, grants: [ { tenants: ['t'], stages: null } ] }", "grants[0].stages"),
      ("{ repositories: {}, grants: [ { tenants: ['t'], artifacts: null } ] }", "grants[0].artifacts"),
      ("{ repositories: {}, conditions: [ { approvals: null } ] }", "conditions[0].approvals"),
      (
        "{ repositories: {}, conditions: [ { freeze: [ { days: [null] } ] } ] }",
        "conditions[0].freeze[0].days[0]"
      ),
    ])
  func nulls(_ text: String, _ path: String) {
    #expect(problem(text) == "\(path): expected a value, found null: leave the key out for its default")
  }

  @Test("the file's name is in the error")
  func files() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write("c.json5", "{ repositories: 1 }")
    #expect(throws: ConfigurationError("\(path): repositories: expected an object, found an integer")) {
      try Configuration(file: path)
    }
    #expect(throws: ConfigurationError.self) { try Configuration(file: path + ".none") }
  }

  @Test("folders of repositories are hexadecimal, and different for different ids")
  func folders() throws {
    let names = try ["a", "A", "a.b", "a-b"].map {
      try RepositoryConfiguration(id: $0, url: "/r").directoryName
    }
    #expect(Set(names).count == 4)
    #expect(names.allSatisfy { $0.allSatisfy(\.isHexDigit) })
  }
}
