import SystemCalls
import TestSupport
import Testing

@testable import Worker

struct DaemonOptionsTests {
  private func problem(_ arguments: String...) -> String {
    do throws(ConfigurationError) {
      _ = try DaemonOptions(arguments: arguments).configuration()
      return "none"
    } catch {
      return error.message
    }
  }

  @Test func bothWaysToGiveAValue() throws {
    for arguments in [
      ["--repo", "a=/r", "--state", "/s", "--socket", "/x/w", "--admin-socket", "/x/a"],
      ["--repo=a=/r", "--state=/s", "--socket=/x/w", "--admin-socket=/x/a"],
    ] {
      let configuration = try DaemonOptions(arguments: arguments).configuration()
      #expect(configuration.repositories.map(\.id) == ["a"])
      #expect(configuration.repositories.first?.url == "/r")
      #expect(configuration.stateDirectory == "/s")
      #expect((configuration.clientSockets[0].path, configuration.adminSocket.path) == ("/x/w", "/x/a"))
      #expect((configuration.clientSockets[0].mode, configuration.adminSocket.mode) == (0o600, 0o600))
      #expect(
        configuration.tenants == [TenantConfiguration(name: "owner", uids: [ThisProcess.uid], gids: [])])
    }
  }

  @Test("a url may hold an equals sign; a path is made absolute; the admin socket is beside the other")
  func values() throws {
    let configuration = try DaemonOptions(
      arguments: ["--repo", "a=https://x/y/b=c", "--state", "s", "--socket", "/x/w.sock"]).configuration()
    #expect(configuration.repositories.first?.url == "https://x/y/b=c")
    #expect(configuration.stateDirectory == (try Files.workingDirectory()) + "/s")
    #expect(configuration.adminSocket.path == "/x/admin.sock")
  }

  @Test func actions() throws {
    #expect(try DaemonOptions(arguments: ["--help"]).action == .help)
    #expect(try DaemonOptions(arguments: ["-h"]).action == .help)
    #expect(try DaemonOptions(arguments: ["--version"]).action == .version)
    #expect(try DaemonOptions(arguments: ["--check", "--config", "/c"]).action == .check)
    #expect(try DaemonOptions(arguments: []).action == .run)
  }

  @Test func mistakes() {
    #expect(problem("--rpeo", "a=/r").contains("did you mean --repo?"))
    #expect(problem("--json").contains("--json goes with --check alone"))
    #expect(problem("--repo").contains("--repo needs a value"))
    #expect(problem("--repo=").contains("--repo needs a value"))
    #expect(problem("--help=yes").contains("takes no value"))
    #expect(problem("--repo", "/r").contains("ID=URL"))
    #expect(problem("--repo", "a=/r", "--repo", "a=/s").contains("there twice"))
    #expect(problem("--repo", "a b=/r").contains("a repository's id has"))
    #expect(problem("--repo", "a=https://u:hunter2@x/y").contains("holds a password"))
    #expect(!problem("--repo", "a=https://u:hunter2@x/y").contains("hunter2"))
    #expect(problem("--config", "/c", "--repo", "a=/r").contains("does not go with --config"))
    #expect(problem().contains("nothing to serve"))
    #expect(problem("word").contains("unknown argument \"word\""))
  }

  @Test("the file's sockets and state yield to the command line")
  func fileAndOptions() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write(
      "c.json5", "{ repositories: { a: { url: '/r' } }, stateDirectory: '/one' }")
    let plain = try DaemonOptions(arguments: ["--config", file]).configuration()
    #expect(plain.stateDirectory == "/one")
    #expect(plain.clientSockets[0] == SocketConfiguration(path: "/run/stagekeeper/worker.sock", mode: 0o666))
    let other = try DaemonOptions(arguments: ["--config", file, "--state", "/two", "--socket", "/w"])
      .configuration()
    #expect((other.stateDirectory, other.clientSockets[0].path) == ("/two", "/w"))
  }
}
