import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// What jobs of one batch are to each other: nothing that one has not brought into the remote counts for another.
@Suite(.serialized)
struct BatchTests {
  private func worker(_ remote: GitFixture, _ more: String = "", limits: String = "") throws -> WorkerFixture
  {
    try WorkerFixture(
      configuration: """
        repositories: { demo: { url: "\(remote.path)", tagsPerPush: 10, \(more) } },
        \(ownerGrant) limits: { attemptSeconds: 10, backoffMilliseconds: 10, \(limits) },
        """)
  }

  /// Has jobs accepted while the repository is paused, so that they are one batch.
  private func batch(_ worker: WorkerFixture, _ requests: [(String, JSONValue)]) throws -> [JSONValue] {
    try worker.administer("pause", "demo")
    let raw = try RawConnection(worker.clientSocket)
    for (number, (method, params)) in requests.enumerated() {
      var params = params.objectValue ?? JSONObject()
      params["repository"] = "demo"
      params["wait"] = false
      raw.request(Int64(number), method, .object(params))
    }
    var jobs: [Int64: String] = [:]
    while jobs.count < requests.count {
      let reply = try #require(try raw.end())
      jobs[try #require(reply["id"]?.integerValue)] = try #require(
        reply["result"]?["job"]?.stringValue, "\(reply)")
    }
    try worker.administer("resume", "demo")
    return try requests.indices.map { try worker.waitForEnd(of: try #require(jobs[Int64($0)])) }
  }

  @Test("what the server refuses of one job is nothing that others could be refused for")
  func refusedPlan() throws {
    let remote = try GitFixture()
    try remote.installHook("update", "case $1 in *v6.0.0) echo 'not that one' >&2; exit 1;; esac")
    let worker = try worker(remote)
    let ends = try batch(
      worker,
      [
        ("register", ["artifact": "model", "version": "v6.0.0"]),
        ("register", ["artifact": "model", "version": "v6.1.0"]),
        ("assign", ["artifact": "model", "version": "v6.1.0", "stage": "dev"]),
      ])
    #expect(ends.map { $0["state"] } == ["rejected", "succeeded", "succeeded"], "\(ends)")
    #expect(ends[0]["error"]?["code"] == "remote_refused")
    #expect(try remote.tags() == ["model#dev#1", "model@v6.1.0"])
    try worker.stop()
  }

  @Test("what is refused once it is planned anew is not pushed as it was planned before")
  func stalePlan() throws {
    let remote = try GitFixture()
    let old = try #require(try remote.ref("main"))
    let new = try remote.commit(files: [".gto": "stages: [dev]\n"])
    try remote.git("update-ref", "refs/heads/main", old)
    for name in ["a", "b"] { try remote.tag("\(name)@v1.0.0") }
    // Somebody takes the first one's name and closes the second one's stage meanwhile.
    try remote.installHook(
      "update",
      """
      [ "$1" = refs/tags/a#dev#1 ] || exit 0
      git -c user.name=They -c user.email=they@example.com tag -a -m theirs a#dev#1 main
      git update-ref refs/heads/main \(new)
      """)
    let worker = try worker(remote)
    let ends = try batch(
      worker,
      [
        ("assign", ["artifact": "a", "version": "v1.0.0", "stage": "dev", "force": true]),
        ("assign", ["artifact": "b", "version": "v1.0.0", "stage": "prod"]),
      ])
    #expect(ends.map { $0["state"] } == ["succeeded", "rejected"], "\(ends)")
    #expect(ends[1]["error"]?["code"] == "stage_not_allowed", "\(ends)")
    #expect(try remote.tags() == ["a#dev#1", "a#dev#2", "a@v1.0.0", "b@v1.0.0"])
    try worker.stop()
  }

  @Test(
    "where the server can't take all tags or none, each is sent by itself, in order, until one is refused")
  func withoutAtomic() throws {
    let remote = try GitFixture()
    try remote.git("config", "receive.advertiseAtomic", "false")
    try remote.installHook(
      "update",
      """
      case $1 in
        *v6.5.0|*/m#prod#1) echo no >&2; exit 1 ;;
        # Somebody else is faster.
        */late#dev#1) git -c user.name=They -c user.email=they@example.com tag -a -m theirs late#dev#1 main ;;
      esac
      """)
    let worker = try worker(remote)
    let ends = try batch(
      worker,
      [
        // Both of its tags: the second must not land without the first.
        ("assign", ["artifact": "model", "version": "v6.5.0", "ref": "main", "stage": "dev"]),
        ("register", ["artifact": "other", "version": "v1.0.0"]),
        ("assign", ["artifact": "m", "version": "v1.0.0", "ref": "main", "stage": "prod"]),
        ("assign", ["artifact": "other", "version": "v1.0.0", "stage": "dev"]),
        ("assign", ["artifact": "late", "version": "v1.0.0", "ref": "main", "stage": "dev", "force": true]),
      ])
    #expect(
      ends.map { $0["state"] } == ["rejected", "succeeded", "rejected", "succeeded", "succeeded"], "\(ends)")
    #expect(
      try remote.tags() == [
        "late#dev#1", "late#dev#2", "late@v1.0.0", "m@v1.0.0", "other#dev#1", "other@v1.0.0",
      ])
    // What has landed of a job that was refused, or had to be planned anew, is said, and recorded for what it is.
    let words = ends[2]["error"]?["message"]?.stringValue ?? ""
    #expect(words.contains("it has taken m@v1.0.0"), "\(words)")
    let landed = ends[2]["error"]?["details"]?["landedTags"]?.arrayValue ?? []
    #expect(try landed.map { $0["objectId"]?.stringValue } == [remote.ref("refs/tags/m@v1.0.0")], "\(landed)")
    #expect(
      (ends[4]["tags"]?.arrayValue ?? []).map { $0["ref"] } == ["late@v1.0.0", "late#dev#2"], "\(ends[4])")
    let lines = try worker.administer("audit", "show", "--event", "effect")["lines"]?.arrayValue ?? []
    let effects = lines.map { "\($0["outcome"]?.stringValue ?? "") \($0["ref"]?.stringValue ?? "")" }
    #expect(
      effects.sorted() == [
        "pushed late#dev#2", "pushed late@v1.0.0", "pushed m@v1.0.0", "pushed other#dev#1",
        "pushed other@v1.0.0",
        "rejected m#prod#1", "rejected model#dev#1", "rejected model@v6.5.0",
      ], "\(effects)")
    try worker.stop()
  }

  @Test("jobs whose outcome is unknown are settled each by itself where the server refuses one of them")
  func settledAlone() throws {
    let remote = try GitFixture()
    let directory = try TemporaryDirectory()
    try remote.installHook(
      "pre-receive",
      """
      refs=$(cat)
      if [ ! -e \(directory.path)/late ]; then echo x > \(directory.path)/held; sleep 60; exit 1; fi
      case $refs in *bad*) echo 'no bad ones' >&2; exit 1;; esac
      """)
    let worker = try worker(remote, limits: "shutdownSeconds: 1")
    try worker.administer("pause", "demo")
    for name in ["bad", "good", "fine"] {
      try worker.ask("register", name, "--version", "v1.0.0", "--repo", "demo", "--no-wait")
    }
    try worker.administer("resume", "demo")
    let held = directory.appending("held")
    try Eventually.holds("the push is held") { try Files.kind(of: held) != nil }
    try worker.crash()
    try directory.write("late", "")
    try worker.start()
    let ends = try (1...3).map { try worker.waitForEnd(of: "\($0)") }
    #expect(ends.map { $0["state"] } == ["rejected", "succeeded", "succeeded"], "\(ends)")
    #expect(try remote.tags() == ["fine@v1.0.0", "good@v1.0.0"])
    try worker.stop()
  }

  /// Has a first push held by a hook, kills the worker, changes the remote, and starts the worker again.
  ///
  /// - Parameter hook: what the hook does with each push or ref beside that.
  private func interrupted(
    _ remote: GitFixture, _ kind: String, hook: String = "", _ jobs: [[String]], meanwhile: () throws -> Void
  ) throws -> WorkerFixture {
    let directory = try TemporaryDirectory()
    try remote.installHook(
      kind, "\(hook)\nif mkdir \(directory.path)/held 2>/dev/null; then sleep 60; exit 1; fi")
    let worker = try worker(remote)
    try worker.administer("pause", "demo")
    for job in jobs { try worker.ask(job + ["--repo", "demo", "--no-wait"]) }
    try worker.administer("resume", "demo")
    let held = directory.appending("held")
    try Eventually.holds("the push is held") { try Files.kind(of: held) != nil }
    try worker.crash()
    try meanwhile()
    try worker.start()
    return worker
  }

  @Test("what was planned on a tag that somebody else has taken is planned anew with it")
  func settledPair() throws {
    let remote = try GitFixture()
    try remote.commit(files: ["a": "b"], branch: "side")
    let worker = try interrupted(
      remote, "pre-receive",
      [
        ["register", "model", "--version", "v1.0.0"],
        ["assign", "model", "--version", "v1.0.0", "--stage", "prod"],
      ]
    ) { try remote.tag("model@v1.0.0", at: "side") }
    #expect(try worker.waitForEnd(of: "1")["error"]?["code"] == "version_exists")
    let end = try worker.waitForEnd(of: "2")
    #expect(end["state"] == "succeeded" && end["version"] == "v1.0.0", "\(end)")
    #expect(try end["commit"]?.stringValue == remote.git("rev-parse", "side"), "\(end)")
    try worker.stop()
  }

  @Test("without atomic pushes, what has landed before a crash is the job's, and is not done again")
  func landedBeforeACrash() throws {
    let remote = try GitFixture()
    try remote.git("config", "receive.advertiseAtomic", "false")
    let tip = try remote.git("rev-parse", "main")
    let worker = try interrupted(
      remote, "update", hook: "case $1 in *#prod#*) ;; *) exit 0;; esac",
      [["assign", "model", "main", "--version", "v1.0.0", "--stage", "prod"]]
    ) {
      #expect(try remote.tags() == ["model@v1.0.0"])
      // The name is taken, and the branch goes on.
      try remote.git("tag", "model#prod#1", "main")
      try remote.commit(files: ["a": "b"])
    }
    let end = try worker.waitForEnd(of: "1")
    #expect(end["state"] == "succeeded" && end["version"] == "v1.0.0", "\(end)")
    let tags = end["tags"]?.arrayValue ?? []
    #expect(tags.map { $0["ref"] } == ["model@v1.0.0", "model#prod#2"], "\(end)")
    #expect(tags.allSatisfy { $0["commit"] == .string(tip) }, "\(end)")
    #expect(try remote.tags() == ["model#prod#1", "model#prod#2", "model@v1.0.0"])
    try worker.stop()
  }

  @Test("without atomic pushes, tags that were deleted are said and recorded where another one is not")
  func landedDeletions() throws {
    let remote = try GitFixture()
    try remote.git("config", "receive.advertiseAtomic", "false")
    for name in ["model@v1.0.0", "model@v2.0.0"] { try remote.tag(name) }
    try remote.installHook("update", "case $1 in *v2.0.0) echo kept >&2; exit 1;; esac")
    let worker = try worker(remote, "allowDelete: true")
    let end = try batch(worker, [("deprecate", ["artifact": "model", "delete": true])])[0]
    #expect(end["state"] == "rejected" && end["error"]?["code"] == "remote_refused", "\(end)")
    let gone = end["error"]?["details"]?["landedDeletions"]?.arrayValue ?? []
    #expect(gone.map { $0["ref"] } == ["model@v1.0.0"], "\(end)")
    let lines = try worker.administer("audit", "show", "--event", "effect")["lines"]?.arrayValue ?? []
    let effects = lines.map { "\($0["outcome"]?.stringValue ?? "") \($0["ref"]?.stringValue ?? "")" }
    #expect(effects == ["pushed model@v1.0.0", "rejected model@v2.0.0"], "\(effects)")
    try worker.stop()
  }

  @Test("jobs that are settled over a new lane say what they made, and reads from memory have it")
  func settledOverANewLane() throws {
    let remote = try GitFixture()
    let directory = try TemporaryDirectory()
    // Holds the first push, ends the lane that sends all again, and lets each pass alone.
    try remote.installHook(
      "pre-receive",
      """
      if mkdir \(directory.path)/held 2>/dev/null; then sleep 60; exit 1; fi
      if mkdir \(directory.path)/killed 2>/dev/null; then
        kill -9 $(ps -o ppid= -p $PPID); sleep 60; exit 1
      fi
      """)
    let worker = try worker(remote)
    try worker.administer("pause", "demo")
    for name in ["one", "two"] {
      try worker.ask("register", name, "--version", "v1.0.0", "--repo", "demo", "--no-wait")
    }
    try worker.administer("resume", "demo")
    let held = directory.appending("held")
    try Eventually.holds("the push is held") { try Files.kind(of: held) != nil }
    try worker.crash()
    try worker.start()
    for (job, name) in [("1", "one"), ("2", "two")] {
      let end = try worker.waitForEnd(of: job)
      #expect(end["state"] == "succeeded" && end["ref"]?.stringValue == "\(name)@v1.0.0", "\(end)")
      #expect(end["version"] == "v1.0.0")
      #expect(try remote.ref("refs/tags/\(name)@v1.0.0") == end["objectId"]?.stringValue)
      #expect(try worker.ask("show", name)[0]?["version"] == "v1.0.0")
    }
    #expect(try Files.kind(of: directory.appending("killed")) != nil)
    try worker.stop()
  }

  @Test(
    "a push that landed and whose answer was lost is never called failed without saying that it may have landed"
  )
  func landedAndRefused() throws {
    let remote = try GitFixture()
    let directory = try TemporaryDirectory()
    let path = directory.appending("link.git")
    try Program.check("ln", ["-s", remote.path, path])
    // The tag is there, and nobody is told.
    try remote.installHook(
      "reference-transaction", "if [ \"$1\" = committed ]; then rm -f \(path); kill -9 $PPID; fi")
    let worker = try WorkerFixture(
      configuration: """
        repositories: { demo: { url: "\(path)" } }, \(ownerGrant)
        limits: { attempts: 3, attemptSeconds: 5, backoffMilliseconds: 10 },
        """)
    try worker.ask("register", "model", "--version", "v1.0.0", "--no-wait")
    let end = try worker.waitForEnd(of: "1")
    #expect(try remote.tags() == ["model@v1.0.0"])
    if end["state"] != "succeeded" {
      #expect(end["state"] == "failed", "\(end)")
      #expect(end["error"]?["code"] == "remote_not_found", "\(end)")
      #expect(end["error"]?["details"]?["outcomeUnknown"] == true, "\(end)")
      #expect(end["attempts"] == 3, "\(end)")
      // Once the server can be asked again, the job turns out to have done it.
      try Program.check("ln", ["-s", remote.path, path])
      try worker.administer("retry", "1")
      #expect(try worker.waitForEnd(of: "1")["state"] == "succeeded")
      #expect(try remote.tags() == ["model@v1.0.0"])
    } else {
      Issue.record("the answer was not lost: \(end)")
    }
    try worker.stop()
  }
}
