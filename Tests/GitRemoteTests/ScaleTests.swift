import GitRemote
import SystemCalls
import TestSupport
import Testing

/// What must not grow: neither with the number of tags nor with the size of the files.
@Suite struct ScaleTests {
  @Test(arguments: ["path", "http"]) func tenThousandTags(_ kind: String) throws {
    let fixture = try GitFixture()
    try fixture.addTags(10_000)
    let tip = try #require(ObjectID(hex: fixture.git("rev-parse", "main")))
    let remote =
      kind == "path"
      ? try TestRemote(path: fixture) : try TestRemote(https: HTTPSGitServer(), fixture, plain: true)
    try remote.use { repository in
      var known = try repository.fetchTags()
      #expect(known.refs(under: "refs/tags/").count == 10_000)
      let messages = try known.refs(under: "refs/tags/").compactMap { try repository.readTag($0.id)?.message }
      #expect(Set(messages).count == 10_000)
      let made = try repository.makeTag("zoo@v1.0.0", at: tip)
      #expect(try repository.push([made], known: known).outcomes == [made.name: .accepted])
      known.set(made.name, to: made.id, peeled: tip)
      try fixture.tag("later")
      let next = try repository.fetchTags()
      #expect(next.count == known.count + 1)
    }
    // The mirror names no tags of its own.
    let mirror = "\(remote.configuration.mirrorDirectory)/contents.git"
    #expect(try Program.check("git", ["-C", mirror, "for-each-ref"]) == "")
  }

  /// The first contact downloads no file of the history but the small ones of the commit that is read.
  @Test(arguments: [true, false]) func bigFilesStayOnTheServer(_ serverFilters: Bool) throws {
    let fixture = try GitFixture()
    let blob = String(
      decoding: try ThisProcess.randomBytes(1_500_000).map { $0 & 0x3f + 0x30 }, as: UTF8.self)
    try fixture.commit(files: ["model.bin": blob])
    let old = try fixture.git("rev-parse", "main")
    try fixture.tag("churn@v1.0.0")
    try fixture.commit(files: ["model.bin": "gone"])
    try fixture.git("config", "uploadpack.allowFilter", "\(serverFilters)")
    let remote = try TestRemote(ssh: SSHServer(), fixture)
    try remote.use { repository in
      let refs = try repository.fetchTags()
      let tip = try #require(refs.head)
      let tag = try #require(refs["refs/tags/churn@v1.0.0"])
      #expect(try repository.readTag(tag.id)?.commit?.description == old)
      #expect(try repository.readFile(commit: tip, path: ".gto") != nil)
      let made = try repository.makeTag("churn#prod#1", at: tip)
      #expect(try repository.push([made], known: refs).outcomes == [made.name: .accepted])
      #expect(try size(of: remote) < 200_000)
      guard serverFilters else { return }
      _ = try repository.isAncestor(#require(tag.peeled), of: tip)
      #expect(try repository.readFile(commit: #require(tag.peeled), path: ".gto") != nil)
      let error = #expect(throws: GitRemoteError.self) {
        try repository.readFile(commit: #require(tag.peeled), path: "model.bin")
      }
      #expect(error?.code == .tooLarge)
      #expect(try size(of: remote) < 200_000)
    }
  }

  private func size(of remote: TestRemote) throws -> Int {
    let text = try Program.check("du", ["-sb", remote.configuration.mirrorDirectory])
    return try #require(Int(text.prefix { $0 != "\t" }))
  }
}
