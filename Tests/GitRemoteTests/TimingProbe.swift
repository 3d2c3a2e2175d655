import GitRemote
import SystemCalls
import TestSupport
import Testing

@Suite struct TimingProbe {
  @Test func probe() throws {
    let fixture = try GitFixture()
    func time<R>(_ name: String, _ body: () throws -> R) rethrows -> R {
      let start = MonotonicTime.now
      defer { print("PROBE", name, Double(MonotonicTime.now.nanoseconds - start.nanoseconds) / 1e6) }
      return try body()
    }
    let server = try time("sshd") { try SSHServer() }
    let tip = try #require(ObjectID(hex: fixture.git("rev-parse", "main")))
    try TestRemote(ssh: server, fixture).use { repository in
      let refs = try time("first fetch") { try repository.fetchTags() }
      _ = try time("list") { try repository.advertisement() }
      let made = try time("make") { try repository.makeTag("churn#prod#1", at: tip) }
      _ = try time("push") { try repository.push([made], known: refs) }
      _ = try time("settle") { try repository.settle([made]) }
      time("close") { repository.close() }
    }
  }
}
