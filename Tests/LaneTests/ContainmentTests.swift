import LaneProtocol
import SystemCalls
import TestSupport
import Testing
import WireProtocol

@testable import Lane

/// Which rules a lane's configuration comes to; what they do is tried out in `IntegrationTests`.
struct ContainmentTests {
  private func configuration(_ url: String) -> LaneConfiguration {
    var configuration = LaneConfiguration(
      repository: "demo", url: url, mirrorDirectory: "/state/mirrors/01", taggerName: "T",
      taggerEmail: "t@example.com", operationSeconds: 60)
    configuration.controlDirectory = "/state/ssh"
    return configuration
  }

  /// What is allowed at exactly this path.
  private func access(_ landlock: Landlock, _ path: String) -> Landlock.Access {
    landlock.rules.filter { $0.path == path }.reduce([]) { $0.union($1.access) }
  }

  @Test(
    arguments: [
      ("ssh://git@host/x", [22, 53]), ("ssh://git@host:2222/x", [2222, 53]), ("https://host/x", [443, 53]),
      ("http://host:8080/x", [8080, 53]),
    ] as [(String, Set<UInt16>)])
  func connectsToItsServerAlone(url: String, ports: Set<UInt16>) {
    #expect(Landlock(configuration(url)).ports == ports)
  }

  @Test func readsItsOwnFilesAlone() {
    var own = configuration("ssh://git@host/x")
    own.sshKeyFile = "/etc/stagekeeper/keys/own"
    own.sshKnownHostsFile = "/etc/stagekeeper/known_hosts"
    let landlock = Landlock(own)
    #expect(access(landlock, "/etc/stagekeeper/keys/own") == .read)
    #expect(access(landlock, "/etc/stagekeeper/known_hosts") == .read)
    let writable = landlock.rules.filter { !$0.access.isDisjoint(with: .write) }.map(\.path)
    #expect(Set(writable) == ["/dev/null", "/state/mirrors/01", "/state/ssh"])
    for folder in [
      "/", "/etc", "/etc/stagekeeper", "/etc/stagekeeper/keys", "/state", "/home", "/var", "/tmp",
    ] {
      #expect(access(landlock, folder) == [], "\(folder)")
    }
  }

  @Test func aPathIsServedWithItsHooks() {
    let landlock = Landlock(configuration("/srv/demo.git"))
    #expect(access(landlock, "/state/ssh") == [])
    #expect(landlock.ports == nil)
    #expect(access(landlock, "/srv/demo.git") == [.read, .execute, .write])
  }

  @Test func aCredentialCommandMayAskWhomItMust() {
    var asking = configuration("https://host/x")
    asking.httpsCredentialCommand = ["/opt/give", "x"]
    asking.containment.read = ["/opt/secret"]
    let landlock = Landlock(asking)
    #expect(landlock.ports == nil)
    #expect(access(landlock, "/opt/give") == [.read, .execute])
    #expect(access(landlock, "/opt/secret") == [.read, .execute])
  }

  /// On a kernel without Landlock the lane goes on, unless the configuration requires it.
  @Test func whatTheKernelLacks() throws {
    let directory = try TemporaryDirectory()
    var configuration = configuration("https://host/x")
    configuration.mirrorDirectory = directory.appending("mirror")
    configuration.controlDirectory = directory.appending("ssh")
    configuration.containment.memoryBytes = 1 << 46
    configuration.containment.fileBytes = 1 << 46
    configuration.containment.openFiles = 1 << 20
    #expect(try Containment.enter(configuration, kernelVersion: 0) == 0)
    configuration.containment.landlock = .off
    #expect(try Containment.enter(configuration) == 0)
    configuration.containment.landlock = .required
    let error = #expect(throws: WireError.self) {
      try Containment.enter(configuration, kernelVersion: 0)
    }
    #expect(error?.message.contains("containment.landlock") == true)
  }
}
