import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// What a client sees while it waits, and how it stops what it no longer wants.
@Suite(.serialized)
struct LiveViewTests {
  @Test("a client that waits sees states and its place, and picks up where it was after a restart")
  func reconnect() throws {
    let gated = try CrashTests.GatedRemote()
    let worker = try WorkerFixture(["demo": gated.remote.path])
    for number in 1...4 {
      try worker.ask("register", "model\(number)", "--version", "v1.0.0", "--no-wait")
    }
    try gated.waitForPush(1)
    let waiter = try worker.begin(["job", "wait", "4", "--json"])
    let raw = try RawConnection(worker.clientSocket)
    raw.request(1, "job.wait", ["job": "4"])
    let first = try #require(try raw.reply()?["event"]?["job"])
    #expect(first["job"] == "4")
    #expect(first["state"] == "queued" || first["state"] == "running")
    try Eventually.holds("the client, this test and the one who asks are connected") {
      try worker.administer("stats")["connections"]?["open"] == 3
    }
    try worker.crash()
    try worker.start()
    try gated.open()
    let run = try waiter.finish()
    #expect(run.exit == .success, "\(run)")
    #expect(run.json["state"] == "succeeded", "\(run)")
    #expect(run.json["objectId"]?.stringValue == (try gated.remote.ref("refs/tags/model4@v1.0.0")))
    // Who asks again after the end gets the end.
    let again = try RawConnection(worker.clientSocket)
    again.request(2, "job.wait", ["job": "4"])
    #expect(try again.end()?["result"]?["objectId"] == run.json["objectId"])
    try worker.stop()
  }

  @Test("the place in line counts down to the result")
  func positions() throws {
    let remote = try GitFixture()
    let worker = try WorkerFixture(["demo": remote.path])
    try worker.administer("pause", "demo")
    for number in 1...7 {
      try worker.ask("register", "model\(number)", "--version", "v1.0.0", "--no-wait")
    }
    let raw = try RawConnection(worker.clientSocket)
    raw.request(1, "job.wait", ["job": "7"])
    var positions: [Int64] = []
    var states: [String] = []
    while let reply = try raw.reply() {
      guard let job = reply["event"]?["job"] else {
        #expect(reply["result"]?["state"] == "succeeded", "\(reply)")
        break
      }
      if let position = job["position"]?.integerValue { positions.append(position) }
      if let state = job["state"]?.stringValue { states.append(state) }
      if states.count == 1 {
        #expect(job["error"]?["code"] == "repository_paused", "\(job)")
        try worker.administer("resume", "demo")
      }
    }
    #expect(positions.first == 6)
    #expect(positions == positions.sorted(by: >), "\(positions)")
    #expect(states.first == "queued")
    try worker.stop()
  }

  @Test("jobs of a repository that the configuration loses are kept, and say so to whoever asks or waits")
  func removed() throws {
    let (first, other) = (try GitFixture(), try GitFixture())
    let entry = "demo: { url: \"\(first.path)\" },"
    let worker = try WorkerFixture(
      configuration: "repositories: { \(entry) other: { url: \"\(other.path)\" } }, \(ownerGrant)")
    try worker.administer("pause", "demo")
    try worker.ask("register", "model", "--version", "v1.0.0", "--repo", "demo", "--no-wait")
    let raw = try RawConnection(worker.clientSocket)
    raw.request(1, "job.wait", ["job": "1"])
    #expect(try raw.reply()?["event"]?["job"]?["error"]?["code"] == "repository_paused")
    let file = worker.directory.appending("stagekeeper.json5")
    let text = String(decoding: try Files.read(file, limit: 1 << 20), as: UTF8.self)
    try Files.replace(file, with: Array(text.replacing(entry, with: "").utf8))
    try worker.administer("reload")
    #expect(try raw.reply()?["event"]?["job"]?["error"]?["code"] == "repository_removed")
    #expect(try worker.ask("job", "status", "1")["error"]?["code"] == "repository_removed")
    #expect(worker.output.contains("jobs wait for a repository that is not configured"), "\(worker.output)")
    let series = "stagekeeper_repository_jobs{repository=\"demo\",state=\"queued\"}"
    func metrics() throws -> String { try worker.administer("metrics")["text"]?.stringValue ?? "" }
    #expect(try metrics().contains("\(series) 1"))
    try Files.replace(file, with: Array(text.utf8))
    try worker.administer("reload")
    #expect(try raw.reply()?["event"]?["job"]?["error"]?["code"] == "repository_paused")
    try worker.administer("resume", "demo")
    #expect(try raw.end()?["result"]?["state"] == "succeeded")
    try Files.replace(file, with: Array(text.replacing(entry, with: "").utf8))
    try worker.administer("reload")
    #expect(try !metrics().contains("\"demo\""))
    try Files.replace(file, with: Array(text.utf8))
    try worker.administer("reload")
    #expect(try metrics().contains("\(series) 0"))
    try worker.administer("pause", "demo")
    try worker.ask("register", "late", "--version", "v1.0.0", "--repo", "demo", "--no-wait")
    try Files.replace(file, with: Array(text.replacing(entry, with: "").utf8))
    try worker.administer("reload")
    // Nobody waits for the end of what no repository is there for.
    #expect(try worker.administer("drain")["openJobs"] == 0)
    try worker.stop()
  }

  @Test("all failed jobs of a repository are tried again, and all of its unfinished ones cancelled, at once")
  func series() throws {
    let remote = try GitFixture()
    let worker = try WorkerFixture(
      configuration: """
        repositories: { demo: { url: "\(remote.path).gone" }, other: { url: "\(remote.path)" } },
        tenants: { ci: { uids: [\(ThisProcess.uid)] } },
        grants: [{ tenants: ["ci"], repositories: ["*"], actions: ["*"] }], limits: { attempts: 1 },
        """)
    for name in ["a", "b"] {
      try worker.ask("register", name, "--version", "v1.0.0", "--repo", "demo", "--no-wait")
    }
    for job in ["1", "2"] { _ = try worker.waitForEnd(of: job) }
    try worker.administer("pause", "demo")
    let retried = try worker.command("stagekeeper-admin", "retry", "--repo", "demo")
    #expect(
      retried.text == "Job 1 is tried again\nJob 2 is tried again\nretry: 2 of 2 failed jobs\n", "\(retried)")
    #expect(try worker.administer("retry", "--repo", "other") == ["jobs": [], "errors": []])
    let cancelled = try worker.administer("cancel", "--repo", "demo")
    #expect(cancelled["jobs"]?.arrayValue?.map { $0["state"] } == ["cancelled", "cancelled"], "\(cancelled)")
    #expect(
      try worker.command("stagekeeper-admin", "cancel", "--repo", "demo").text
        == "There are no unfinished jobs\n")
    let unknown = try worker.command("stagekeeper-admin", "job", "999")
    #expect(unknown.exit == .exited(code: 65) && !unknown.errorText.contains("yours"), "\(unknown)")
    for arguments in [["retry"], ["retry", "1", "--repo", "demo"]] {
      let run = try Program.run(try BuiltProgram.path("stagekeeper-admin"), arguments)
      #expect(run.exit == .exited(code: 64), "\(run)")
    }
    let explain = try worker.command("stagekeeper-admin", "policy", "explain", "assign", "--repo", "demo")
    #expect(
      explain.exit == .exited(code: 64) && explain.errorText.contains("--user, --uid, --tenant"), "\(explain)"
    )
    let place = try worker.command("stagekeeper-admin", "policy", "explain", "assign", "--uid", "1")
    #expect(place.exit == .exited(code: 64) && place.errorText.contains("--repo is missing"), "\(place)")
    try worker.stop()
  }

  @Test("the metrics say whose Git server can't be used, and how jobs have ended")
  func failing() throws {
    let remote = try GitFixture()
    let directory = try TemporaryDirectory()
    let path = directory.appending("link.git")
    let worker = try WorkerFixture(["demo": path])
    func metrics() throws -> String { try worker.administer("metrics")["text"]?.stringValue ?? "" }
    let failing = "\nstagekeeper_repository_failing{repository=\"demo\"}"
    func ended(_ state: String) -> String { "\nstagekeeper_jobs_ended_total{state=\"\(state)\"}" }
    #expect(try metrics().contains("\(failing) 0\n"))
    _ = try worker.stagekeeper("register", "model", "--version", "v1.0.0")
    #expect(try metrics().contains("\(failing) 1\n"))
    let oldest = "\nstagekeeper_repository_oldest_job_time_seconds{repository=\"demo\"} "
    let duration = "\nstagekeeper_job_duration_seconds_"
    #expect(try !metrics().contains(oldest) && metrics().contains("\(duration)count 0\n"))
    #expect(try metrics().contains("\(ended("failed")) 1\n") && !metrics().contains("_contact_time_seconds{"))
    try Program.check("ln", ["-s", remote.path, path])
    try worker.administer("pause", "demo")
    try worker.administer("retry", "1")
    #expect(try metrics().contains(oldest))
    try worker.administer("resume", "demo")
    try worker.waitForJob("1", state: "succeeded")
    let text = try metrics()
    #expect(text.contains("\(failing) 0\n") && text.contains("_contact_time_seconds{repository=\"demo\"} "))
    #expect(text.contains("\(ended("failed")) 1\n") && text.contains("\(ended("succeeded")) 1\n"), "\(text)")
    #expect(!text.contains(oldest))
    #expect(text.contains("\(duration)bucket{le=\"+Inf\"} 1\n\(duration.dropFirst())sum "), "\(text)")
    #expect(text.contains("\(duration)bucket{le=\"300\"} 1\n") && text.contains("\(duration)count 1\n"))
    try worker.stop()
  }

  @Test("that the worker drains shows everywhere, and its end can be waited for")
  func draining() throws {
    let remote = try GitFixture()
    let directory = try TemporaryDirectory()
    let gate = directory.appending("gate")
    try remote.installHook("pre-receive", "while [ ! -e \(gate) ]; do sleep 0.05; done")
    let worker = try WorkerFixture(["demo": remote.path])
    func metrics() throws -> String { try worker.administer("metrics")["text"]?.stringValue ?? "" }
    #expect(try worker.administer("stats")["worker"]?["isDraining"] == false)
    #expect(try metrics().contains("\nstagekeeper_draining 0\n"))
    try worker.ask("register", "model", "--version", "v1.0.0", "--no-wait")
    let early = try worker.command(
      "stagekeeper-admin", "drain", "--wait", "--timeout", "1")
    #expect(early.exit == .exited(code: 75) && early.errorText.contains("1 job is under way"), "\(early)")
    #expect(try worker.administer("drain")["openJobs"] == 1)
    try Files.replace(gate, with: [])
    #expect(try worker.administer("drain", "--wait")["openJobs"] == 0)
    #expect(try remote.tags() == ["model@v1.0.0"])
    #expect(try worker.administer("stats")["worker"]?["isDraining"] == true)
    #expect(try metrics().contains("\nstagekeeper_draining 1\n"))
    #expect(worker.output.contains("draining: no more jobs are accepted"), "\(worker.output)")
    let watched = try Program.run(
      "timeout",
      ["1", try BuiltProgram.path("stagekeeper-admin"), "--socket", worker.adminSocket, "watch"])
    #expect(watched.text.contains("DRAINING"), "\(watched)")
    try worker.stop()
    try worker.start()
    #expect(try worker.administer("stats")["worker"]?["isDraining"] == false)
    try worker.stop()
  }

  @Test("a paused repository says so to those who wait, before and after a restart")
  func paused() throws {
    let remote = try GitFixture()
    let worker = try WorkerFixture(["demo": remote.path])
    try worker.administer("pause", "demo")
    for _ in 1...2 {
      let run = try worker.stagekeeper(
        "register", "model", "--version", "v1.0.0", "--request-key", "k", "--timeout", "1")
      #expect(run.exit == .exited(code: 75), "\(run)")
      #expect(run.errorText.contains("has paused repository \"demo\""), "\(run)")
      #expect(try worker.ask("job", "status", "1")["error"]?["code"] == "repository_paused")
      #expect(try worker.administer("queue")["jobs"]?[0]?["error"]?["code"] == "repository_paused")
      try worker.crash()
      try worker.start()
    }
    // Who waits when the pause begins or ends is told at once.
    let raw = try RawConnection(worker.clientSocket)
    raw.request(1, "job.wait", ["job": "1"])
    #expect(try raw.reply()?["event"]?["job"]?["error"]?["code"] == "repository_paused")
    try worker.administer("resume", "demo")
    #expect(try raw.end()?["result"]?["state"] == "succeeded")
    #expect(try worker.ask("job", "status", "1")["error"] == nil)
    try worker.stop()
  }

  @Test("cancelling: in line and between attempts at once; during a push what the server shows counts")
  func cancel() throws {
    let gated = try CrashTests.GatedRemote()
    let worker = try WorkerFixture(
      configuration: """
        repositories: { demo: { url: "\(gated.remote.path)" },
                        dead: { url: "ssh://git@127.0.0.1:\(try Loopback.freePort())/x.git" } },
        \(ownerGrant) limits: { attempts: 1000, backoffMilliseconds: 60000 },
        """)
    func submit(_ artifact: String, _ repository: String) throws {
      try worker.ask("register", artifact, "--version", "v1.0.0", "--repo", repository, "--no-wait")
    }
    try submit("running", "demo")
    try gated.waitForPush(1)
    try submit("queued", "demo")
    try submit("waiting", "dead")
    try worker.waitForJob("3", state: "waiting")
    let waiter = try worker.begin(["job", "wait", "2", "--json"])
    #expect(try worker.ask("job", "cancel", "2")["state"] == "cancelled")
    #expect(try worker.ask("job", "cancel", "3")["state"] == "cancelled")
    let begun = try worker.ask("job", "cancel", "1")
    #expect(begun["state"] == "running" && begun["cancelRequested"] == true, "\(begun)")
    #expect(try worker.stagekeeper("job", "status", "1").text.contains("ends as cancelled unless"))
    let run = try waiter.finish()
    #expect(run.text.contains("job_cancelled"), "\(run)")
    try gated.open()
    // It was on its way: it is done, and says so.
    try worker.waitForJob("1", state: "succeeded")
    #expect(try worker.ask("job", "status", "1")["cancelRequested"] == nil)
    #expect(try gated.remote.tags() == ["running@v1.0.0"])
    let late = try worker.stagekeeper("job", "cancel", "1", "--json")
    #expect(late.errorCode == "job_not_cancellable", "\(late)")
    try worker.crash()
    try worker.start()
    for (job, state) in [("1", "succeeded"), ("2", "cancelled"), ("3", "cancelled")] {
      #expect(try worker.ask("job", "status", job)["state"]?.stringValue == state)
    }
    try worker.stop()
  }

  @Test("who is told to end says which job goes on; nohup is respected", arguments: [1, 2, 15])
  func toldToEnd(signal: Int) throws {
    let remote = try GitFixture()
    let worker = try WorkerFixture(["demo": remote.path])
    try worker.administer("pause", "demo")
    let client = try worker.begin(["register", "model", "--version", "v1.0.0"])
    try Eventually.holds("the job is there") { try worker.stagekeeper("job", "status", "1").exit == .success }
    let deaf = try Program.start(
      "nohup", [BuiltProgram.path("stagekeeper"), "--socket", worker.clientSocket, "job", "wait", "1"],
      log: worker.directory.appending("deaf.log"))
    for pid in [client.child.pid] + (signal == 1 ? [deaf.child.pid] : []) {
      _ = try Program.check("kill", ["-\(signal)", String(pid)])
    }
    let run = try client.finish()
    #expect(run.exit == .exited(code: Int32(128 + signal)), "\(run)")
    #expect(run.text.contains("interrupted; job 1 is queued"), "\(run)")
    #expect(run.text.contains("stagekeeper job wait 1"), "\(run)")
    try worker.administer("resume", "demo")
    #expect(try deaf.finish().exit == .success)
    #expect(try remote.tags() == ["model@v1.0.0"])
    try worker.stop()
  }

  @Test("a job whose deadline has passed when its turn comes is rejected and not pushed")
  func deadline() throws {
    let gated = try CrashTests.GatedRemote()
    let worker = try WorkerFixture(["demo": gated.remote.path])
    try worker.ask("register", "first", "--version", "v1.0.0", "--no-wait")
    try gated.waitForPush(1)
    try worker.ask("register", "late", "--version", "v1.0.0", "--no-wait", "--deadline", "+1")
    try worker.ask("register", "later", "--version", "v1.0.0", "--no-wait", "--deadline", "+3600")
    let passed = MonotonicTime.after(seconds: 1.1)
    try Eventually.holds("the deadline has passed") { passed.hasPassed }
    try gated.open()
    try worker.waitForJob("2", state: "rejected")
    #expect(try worker.ask("job", "status", "2")["error"]?["code"] == "deadline_passed")
    try Eventually.holds("the end is recorded") {
      try worker.auditLines().contains {
        $0["event"] == "effect" && $0["job"] == "2" && $0["code"] == "deadline_passed"
      }
    }
    try worker.waitForJob("3", state: "succeeded")
    #expect(Set(try gated.remote.tags()) == ["first@v1.0.0", "later@v1.0.0"])
    try worker.stop()
  }
}
