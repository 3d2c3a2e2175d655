import RemoteURLs
import GitRemote
import SystemCalls
import TestSupport
import Testing

/// The mirror is a cache: whatever became of it, the next one to open it works.
struct MirrorTests {
  private let remote: TestRemote
  private let first: ObjectID
  private var mirror: String { remote.configuration.mirrorDirectory }

  init() throws {
    remote = try TestRemote(path: try GitFixture())
    first = try #require(ObjectID(hex: try remote.fixture.git("rev-parse", "main")))
    try remote.fixture.commit(files: ["a": "a"])
    try remote.fixture.tag("churn@v1.0.0")
  }

  /// Reads a tag, a file and the history, so that both stores are filled and used.
  private func useMirror() throws {
    try remote.use { repository in
      let refs = try repository.fetchTags()
      let tag = try #require(refs["refs/tags/churn@v1.0.0"])
      let head = try #require(refs.head)
      #expect(try repository.readTag(tag.id)?.commit == head)
      #expect(try repository.readFile(commit: head, path: ".gto") != nil)
      #expect(try repository.isAncestor(first, of: head))
    }
  }

  @Test(
    "what a process leaves behind that is killed while it makes the mirror",
    arguments: [
      ["contents.git/config.lock"], ["contents.git/HEAD.lock", "contents.git/config"],
      ["contents.git/HEAD", "history.git/config.lock"], ["url.new"],
    ])
  func interrupted(files: [String]) throws {
    for file in files {
      let path = "\(mirror)/\(file)"
      let slash = try #require(path.lastIndex(of: "/"))
      try Files.makeDirectories(String(path[..<slash]))
      try Files.replace(path, with: [])
    }
    try useMirror()
  }

  @Test(
    "files that are gone or empty",
    arguments: [
      "url", "contents.git", "contents.git/HEAD", "contents.git/objects", "contents.git/config",
      "contents.git/objects/pack", "contents.git/refs", "history.git/objects/pack", "history.git",
      "history.git/HEAD", "history.git/refs", "history.git/stagekeeper-tips",
    ])
  func lost(file: String) throws {
    try useMirror()
    try Files.removeTree("\(mirror)/\(file)")
    try useMirror()
    try Files.removeTree("\(mirror)/\(file)")
    try Files.replace("\(mirror)/\(file)", with: [])
    try useMirror()
  }

  @Test("another repository's objects are not taken for this one's")
  func anotherURL() throws {
    try useMirror()
    let other = try GitFixture()
    let commit = try other.commit(files: ["a": "another"])
    remote.configuration.url = try RemoteURL(other.path)
    try remote.use { repository in
      let refs = try repository.fetchTags()
      #expect(refs.head?.description == commit)
      let packs = try Files.names(in: "\(mirror)/contents.git/objects/pack")
      #expect(packs.isEmpty)
    }
  }

  @Test("packs whose download was interrupted do not stay")
  func unfinishedPacks() throws {
    try useMirror()
    let packs = ["contents.git", "history.git"].map { "\(mirror)/\($0)/objects/pack" }
    let whole = try packs.map { try Set(Files.names(in: $0)) }
    #expect(whole.allSatisfy { !$0.isEmpty })
    for pack in packs { try Files.replace("\(pack)/pack_git2_a1B2c3", with: Array("PACK".utf8)) }
    try useMirror()
    let now = try packs.map { try Set(Files.names(in: $0)) }
    #expect(now == whole)
  }

  @Test("a damaged pack is told from a wrong question, and a condemned mirror is made anew")
  func damagedPacks() throws {
    try useMirror()
    for store in ["contents.git", "history.git"] {
      let directory = "\(mirror)/\(store)/objects/pack"
      for name in try Files.names(in: directory) where name.hasSuffix(".pack") {
        var bytes = try Files.read("\(directory)/\(name)", limit: 1 << 20)
        for index in 12..<bytes.count - 20 { bytes[index] ^= 0x55 }
        try Files.remove("\(directory)/\(name)")
        try Files.replace("\(directory)/\(name)", with: bytes)
      }
    }
    try remote.use { repository in
      let refs = try repository.fetchTags()
      let tag = try #require(refs["refs/tags/churn@v1.0.0"])
      let head = try #require(refs.head)
      let questions: [() throws -> Void] = [
        { _ = try repository.readTag(tag.id) }, { _ = try repository.readFile(commit: head, path: ".gto") },
        { _ = try repository.isAncestor(first, of: head) },
      ]
      for ask in questions {
        let error = try #require(throws: GitRemoteError.self) { try ask() }
        #expect(error.code == .mirrorDamaged, "\(error)")
      }
      try repository.condemnMirror()
    }
    try useMirror()
  }

  @Test(
    "one that goes while it is used is known to be damaged before anything is sent",
    arguments: ["", "/contents.git", "/contents.git/objects", "/contents.git/objects/pack"])
  func goneWhileUsed(part: String) throws {
    try remote.use { repository in
      let refs = try repository.fetchTags()
      try Files.removeTree(mirror + part)
      try remote.fixture.tag("churn@v3.0.0")
      let fetch = try #require(throws: GitRemoteError.self) { try repository.fetchTags() }
      #expect(fetch.code == .mirrorDamaged, "\(fetch)")
      do {
        let made = try repository.makeTag("churn@v2.0.0", at: first)
        _ = try repository.push([made], known: refs)
      } catch let error as GitRemoteError {
        #expect(error.code == .mirrorDamaged && !error.outcomeUnknown, "\(error)")
      }
      try repository.condemnMirror()
    }
    try useMirror()
  }

  @Test("one that can't be made anew is named")
  func unusable() throws {
    try useMirror()
    try remote.use { repository in
      try Files.remove("\(mirror)/url")
      try Files.makeDirectories("\(mirror)/url")
      let condemned = try #require(throws: GitRemoteError.self) { try repository.condemnMirror() }
      #expect(condemned.code == .mirrorUnusable, "\(condemned)")
    }
    let error = try #require(throws: GitRemoteError.self) { try useMirror() }
    #expect(error.code == .mirrorUnusable && error.message.contains(mirror), "\(error)")
  }
}
