import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// One bad job holds up no repository, one dead server no worker.
@Suite(.serialized)
struct ParkingTests {
  @Test("jobs that the server refuses never hold up those behind them", arguments: ["update", "pre-receive"])
  func poison(hook: String) throws {
    let remote = try GitFixture()
    let condition =
      hook == "update" ? "case $1 in *poison*)" : "case $(cat) in *poison*)"
    try remote.installHook(hook, "\(condition) echo 'this one is not wanted' >&2; exit 1;; esac")
    let server = try SSHServer()
    let worker = try WorkerFixture(
      configuration: sshConfiguration(["demo": server.url(remote.path)], server))
    try worker.administer("pause", "demo")
    // Each batch holds one that is refused.
    for number in 1...8 {
      let artifact = number % 3 == 1 ? "poison\(number)" : "good\(number)"
      try worker.ask("register", artifact, "--version", "v1.0.0", "--no-wait")
    }
    try worker.administer("resume", "demo")
    try ExactlyOnceCheck(worker: worker, remote: remote, repository: "demo").waitUntilNothingIsInLine()
    for number in 1...8 {
      let job = try worker.ask("job", "status", "\(number)")
      let isPoison = number % 3 == 1
      #expect(job["state"]?.stringValue == (isPoison ? "rejected" : "succeeded"), "\(job)")
      if isPoison {
        #expect(job["error"]?["message"]?.stringValue?.contains("this one is not wanted") == true, "\(job)")
      }
    }
    #expect(Set(try remote.tags()) == Set([2, 3, 5, 6, 8].map { "good\($0)@v1.0.0" }))
    try worker.stop()
  }

  @Test("a dead server parks its repository visibly, while others go on; a retry goes ahead at once")
  func deadServer() throws {
    let other = try GitFixture()
    let dead = "ssh://git@127.0.0.1:\(try Loopback.freePort())/x.git"
    let worker = try WorkerFixture(
      configuration: """
        repositories: { dead: { url: "\(dead)" }, good: { url: "\(other.path)" } },
        \(ownerGrant) limits: { attempts: 3, backoffMilliseconds: 60000, backoffMaximumSeconds: 60 },
        """)
    try worker.ask("register", "model", "--version", "v1.0.0", "--repo", "dead", "--no-wait")
    try worker.waitForJob("1", state: "waiting")
    for number in 1...3 { try worker.ask("register", "m\(number)", "--version", "v1.0.0", "--repo", "good") }
    let rows = try worker.administer("repositories")["repositories"]?.arrayValue ?? []
    let row = try #require(rows.first { $0["repository"] == "dead" })
    #expect(row["state"] == "unreachable", "\(row)")
    #expect(row["error"]?["code"] == "remote_unreachable", "\(row)")
    #expect(row["nextAttemptAt"]?.stringValue != nil, "\(row)")
    #expect(row["waiting"] == 1, "\(row)")
    let good = try #require(rows.first { $0["repository"] == "good" })
    #expect(good["error"] == nil && good["nextAttemptAt"] == nil, "\(good)")
    let job = try worker.ask("job", "status", "1")
    #expect(job["nextAttemptAt"] == row["nextAttemptAt"], "\(job)")
    #expect(job["error"]?["code"] == "remote_unreachable", "\(job)")
    // It is as visible after a restart.
    try worker.crash()
    try worker.start()
    let parked = try worker.administer("repositories")["repositories"]?.arrayValue ?? []
    #expect(parked.first { $0["repository"] == "dead" }?["nextAttemptAt"] == row["nextAttemptAt"])
    try worker.administer("retry", "1")
    try Eventually.holds("it was tried again") {
      let notes = try worker.administer("job", "1")["transitions"]?.arrayValue ?? []
      return notes.filter { $0["event"] == "waiting" }.count == 2
    }
    try worker.stop()
  }
}
