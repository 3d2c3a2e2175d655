import GitRemote
import SystemCalls
import TestSupport
import Testing

/// The main path against real servers.
@Suite struct RoundTripTests {
  enum Kind: CaseIterable { case path, ssh, sshWithRSAHostKey, https, http }

  private func remote(_ kind: Kind, _ fixture: GitFixture) throws -> TestRemote {
    switch kind {
    case .path: try TestRemote(path: fixture)
    case .ssh: try TestRemote(ssh: SSHServer(), fixture)
    case .sshWithRSAHostKey: try TestRemote(ssh: SSHServer(hostKey: .rsa), fixture)
    case .https: try TestRemote(https: HTTPSGitServer(), fixture)
    case .http: try TestRemote(https: HTTPSGitServer(), fixture, plain: true)
    }
  }

  @Test(arguments: Kind.allCases) func listsFetchesAndPushes(_ kind: Kind) throws {
    let isHTTP = kind == .https || kind == .http
    let fixture = try GitFixture(name: isHTTP ? "repo.git" : "it's a \"repo\" with!.git")
    let first = try fixture.tag("churn@v1.0.0", message: "First\n\nbody")
    let tip = try #require(ObjectID(hex: fixture.git("rev-parse", "main")))
    try remote(kind, fixture).use { repository in

      let refs = try repository.fetchTags()
      #expect(refs.headBranch == "refs/heads/main")
      #expect(refs.head == tip)
      #expect(refs["refs/tags/churn@v1.0.0"]?.peeled == tip)
      let firstID = try #require(ObjectID(hex: first))
      let tag = try #require(try repository.readTag(firstID))
      #expect(tag.name == "churn@v1.0.0")
      #expect(tag.commit == tip)
      #expect(tag.tagger?.email == "tagger@example.com")
      #expect(String(decoding: tag.message, as: UTF8.self) == "First\n\nbody\n")

      let made = try repository.makeTag("churn#prod#1", at: tip)
      let result = try repository.push([made], known: refs, watched: ["refs/heads/main"])
      #expect(result.outcomes == [made.name: .accepted])
      #expect(try fixture.ref(made.name) == made.id.description)
      #expect(try fixture.git("cat-file", "-t", made.name) == "tag")
      try fixture.git("fsck", "--strict")

      #expect(try repository.settle([made]) == [made.name: .same])
      #expect(try repository.push([made], known: nil).outcomes == [made.name: .alreadyThere])
    }
  }

  @Test("a tag that was made here is on this disk when the repository is closed, and need not be downloaded")
  func keepsTags() throws {
    let fixture = try GitFixture()
    let tip = try #require(ObjectID(hex: fixture.git("rev-parse", "main")))
    let remote = try TestRemote(path: fixture)
    var made: ObjectID?
    try remote.use { repository in
      let new = try repository.makeTag("churn#prod#1", at: tip)
      made = new.id
      #expect(try repository.push([new], known: nil).outcomes == [new.name: .accepted])
    }
    let id = try #require(made)
    try remote.use { repository in
      let tag = try repository.readTag(id)
      #expect(tag?.name == "churn#prod#1")
    }
  }

  @Test(arguments: Kind.allCases) func readsFilesHistoryAndNames(_ kind: Kind) throws {
    let fixture = try GitFixture(files: [".gto": "stages: [dev]\n", "sub/dvc.yaml": "artifacts: {}\n"])
    let old = try #require(ObjectID(hex: fixture.git("rev-parse", "main")))
    try fixture.commit(files: ["dvc.yaml": "x: 1\n"], message: "Second")
    let tip = try #require(ObjectID(hex: fixture.git("rev-parse", "main")))
    try remote(kind, fixture).use { repository in
      let refs = try repository.fetchTags()

      #expect(try repository.readFile(commit: tip, path: ".gto") == Array("stages: [dev]\n".utf8))
      #expect(try repository.readFile(commit: tip, path: "missing") == nil)
      #expect(try repository.listFiles(commit: tip, named: "dvc.yaml") == ["dvc.yaml", "sub/dvc.yaml"])
      #expect(try repository.readFile(commit: old, path: "dvc.yaml") == nil)
      #expect(try repository.resolve("main", in: refs) == tip)
      #expect(try repository.resolve("HEAD", in: refs) == tip)
      #expect(try repository.resolve(old.description, in: refs) == old)
      #expect(try repository.resolve(String(old.description.prefix(9)), in: refs) == old)
      #expect(try repository.resolve(String(repeating: "0", count: 39) + "1", in: refs) == nil)
      #expect(try repository.resolve("nothing", in: refs) == nil)
      #expect(try repository.isAncestor(old, of: tip))
      #expect(try !repository.isAncestor(tip, of: old))

      let third = try fixture.commit(files: ["dvc.yaml": "x: 2\n"], message: "Third")
      let next = try #require(ObjectID(hex: third))
      #expect(try repository.fetchTags().head == next)
      #expect(try repository.readFile(commit: next, path: "dvc.yaml") == Array("x: 2\n".utf8))
      #expect(try repository.isAncestor(old, of: next))
    }
  }

  @Test func aCommitThatWasDroppedIsForgotten() throws {
    let fixture = try GitFixture()
    let first = try fixture.git("rev-parse", "main")
    let second = try fixture.commit(files: ["a": "2"])
    let third = try fixture.commit(files: ["a": "3"])
    try TestRemote(path: fixture).use { repository in
      func find(_ text: String) throws -> String? {
        try repository.resolve(text, in: try repository.fetchTags())?.description
      }
      for text in [third, String(second.prefix(9))] { #expect(try find(text)?.hasPrefix(text) == true) }
      try fixture.git("update-ref", "refs/heads/main", first)
      try fixture.commit(files: ["b": "2"])
      for text in [second, third, String(second.prefix(9))] { #expect(try find(text) == nil) }
      for text in [first, String(first.prefix(9))] { #expect(try find(text) == first) }
      try fixture.tag("kept", at: third)
      for text in [second, third, String(second.prefix(9))] {
        #expect(try find(text)?.hasPrefix(text) == true)
      }
    }
  }

  @Test(arguments: [Kind.path, .ssh, .https]) func noticesWhatOthersPushed(_ kind: Kind) throws {
    let fixture = try GitFixture()
    let tip = try #require(ObjectID(hex: fixture.git("rev-parse", "main")))
    try remote(kind, fixture).use { repository in
      let refs = try repository.fetchTags()
      try fixture.tag("churn@v1.0.0")

      let made = try repository.makeTag("churn#prod#1", at: tip)
      let result = try repository.push([made], known: refs)
      guard case .changed(let advertised) = result else {
        Issue.record("pushed over a change: \(result)")
        return
      }
      #expect(advertised["refs/tags/churn@v1.0.0"] != nil)
      #expect(try fixture.ref(made.name) == nil)
      let fresh = try repository.fetchTags()
      #expect(try repository.push([made], known: fresh).outcomes == [made.name: .accepted])
    }
  }

  @Test(arguments: Kind.allCases) func deletesATagAtItsObjectAndNoOther(_ kind: Kind) throws {
    let fixture = try GitFixture()
    let tip = try #require(ObjectID(hex: fixture.git("rev-parse", "main")))
    let old = try #require(ObjectID(hex: fixture.tag("churn@v1.0.0")))
    let other = try #require(ObjectID(hex: fixture.tag("churn@v2.0.0")))
    try remote(kind, fixture).use { repository in
      let refs = try repository.fetchTags()
      let made = try repository.makeTag("churn#prod#1", at: tip)
      let deletions = [
        PushedRef(deleting: "refs/tags/churn@v1.0.0", at: old),
        PushedRef(deleting: "refs/tags/churn@v2.0.0", at: old),
        PushedRef(deleting: "refs/tags/never", at: old),
      ]
      #expect(
        try repository.push(deletions + [made], known: refs).outcomes == [
          deletions[0].name: .accepted, deletions[1].name: .taken(other), deletions[2].name: .alreadyThere,
          made.name: .accepted,
        ])
      #expect(try fixture.tags() == ["churn#prod#1", "churn@v2.0.0"])
      // A push of deletions alone carries no pack.
      let last = PushedRef(deleting: made.name, at: made.id)
      #expect(try repository.push([last], known: nil).outcomes == [made.name: .accepted])
      #expect(try repository.push([last], known: nil).outcomes == [made.name: .alreadyThere])
      try fixture.installHook("update", "exit 1")
      let kept = PushedRef(deleting: deletions[1].name, at: other)
      #expect(
        try repository.push([kept], known: nil).outcomes == [kept.name: .rejected(reason: "hook declined")])
      #expect(try fixture.tags() == ["churn@v2.0.0"])
    }
  }

  @Test func knownRefsStayKnownAfterAPush() throws {
    let fixture = try GitFixture()
    let tip = try #require(ObjectID(hex: fixture.git("rev-parse", "main")))
    try TestRemote(ssh: SSHServer(), fixture).use { repository in
      var known = try repository.fetchTags()
      for number in 1...3 {
        let made = try repository.makeTag("churn#prod#\(number)", at: tip)
        #expect(try repository.push([made], known: known).outcomes == [made.name: .accepted])
        known.set(made.name, to: made.id, peeled: tip)
      }
      try fixture.commit(files: ["a": "b"])
      let last = try repository.makeTag("churn#prod#4", at: tip)
      let result = try repository.push([last], known: known, watched: ["refs/heads/main"])
      #expect(result.outcomes == nil)
    }
  }

  /// All or none: what was to come after a refused tag must not land before it is decided anew.
  @Test func reportsEachRefAndMakesAllOrNone() throws {
    let fixture = try GitFixture()
    try fixture.installHook("update", "case $1 in *secret*) echo \"not for you: $1\"; exit 1;; esac")
    let tip = try #require(ObjectID(hex: fixture.git("rev-parse", "main")))
    try TestRemote(path: fixture).use { repository in
      let taken = try #require(ObjectID(hex: fixture.tag("churn@v1.0.0")))
      let refs = [
        try repository.makeTag("churn@v1.0.0", at: tip), try repository.makeTag("secret", at: tip),
        try repository.makeTag("fine", at: tip),
      ]
      let result = try repository.push(refs, known: nil)
      guard case .done(let report) = result else {
        Issue.record("not pushed: \(result)")
        return
      }
      #expect(report.outcomes["refs/tags/churn@v1.0.0"] == .taken(taken))
      #expect(report.outcomes["refs/tags/secret"] == .rejected(reason: "hook declined"))
      #expect(report.outcomes["refs/tags/fine"] == .rejected(reason: "atomic push failure"))
      #expect(try fixture.ref("refs/tags/fine") == nil)
      #expect(report.serverWords.contains("not for you: refs/tags/secret"))
    }
  }

  @Test func aMirrorHasOneUser() throws {
    let remote = try TestRemote(path: GitFixture())
    let first = try remote.open()
    let error = #expect(throws: GitRemoteError.self) { try remote.open() }
    #expect(error?.code == .locked)
    first.close()
  }
}
