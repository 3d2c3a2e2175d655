import GitRemote
import SystemCalls
import TestSupport
import Testing

/// Servers that send what they should not.
@Suite struct HostileServerTests {
  /// A remote whose Git is a shell script.
  private func remote(saying script: String) throws -> TestRemote {
    let remote = try TestRemote(path: GitFixture())
    remote.configuration.programs.git = try remote.directory.write(
      "git", "#!/bin/sh\n\(script)\n", mode: 0o755)
    remote.configuration.timeouts = .init(connect: 10, idle: 10, total: 20)
    return remote
  }

  private func line(_ text: String) -> String {
    let length = String(text.utf8.count + 4, radix: 16)
    return String(repeating: "0", count: 4 - length.count) + length + text
  }

  private let id = String(repeating: "1", count: 40)

  @Test func anEndlessAdvertisement() throws {
    let text = line("\(id) refs/tags/a")
    let remote = try remote(saying: "exec yes '\(text)' | tr -d '\\n'")
    remote.configuration.limits.advertisement = 1 << 20
    try remote.use { repository in
      let error = #expect(throws: GitRemoteError.self) { try repository.fetchTags() }
      #expect(error?.code == .tooLarge)
    }
  }

  @Test(arguments: [
    "printf 'SSH banner or a web page instead of Git'", "printf 'zzzz'", "printf '0001'", "printf '0003'",
    "printf 'ffff'; exec yes", "printf '0010not a ref at all'",
    "printf '003f1111111111111111111111111111111111111111 refs/heads/main\\n003f1111111111111111111111111111111111111111 refs/heads/main\\n0000'",
  ]) func garbage(_ script: String) throws {
    try remote(saying: script).use { repository in
      let error = #expect(throws: GitRemoteError.self) { try repository.fetchTags() }
      #expect(
        error?.code == .protocolViolation || error?.code == .remoteHungUp,
        "\(script): \(String(describing: error))")
    }
  }

  @Test func anErrorLineIsQuoted() throws {
    let text = line("ERR Repository not found: \u{1b}[2Jgo away\n")
    try remote(saying: "printf '\(text.replacing("\u{1b}", with: "\\033"))'").use { repository in
      let error = #expect(throws: GitRemoteError.self) { try repository.fetchTags() }
      #expect(error?.code == .repositoryNotFound)
      #expect(error?.message == "Repository not found: [2Jgo away")
    }
  }

  @Test func forbiddenNamesAreLeftOut() throws {
    let lines = [
      line("\(id) refs/heads/main\0symref=HEAD:refs/heads/main side-band-64k\n"),
      line("\(id) refs/tags/a b\n"),
      line("\(id) refs/tags/a\u{7}\n"), line("\(id) refs/notes/x\n"), line("\(id) refs/tags/fine\n"), "0000",
    ]
    let remote = try remote(saying: "cat \"$(dirname \"$0\")/answer\"; cat >/dev/null")
    try remote.directory.write("answer", lines.joined())
    try remote.use { repository in
      let refs = try repository.advertisement()
      #expect(refs.refs(under: "refs/").map(\.name) == ["refs/heads/main", "refs/tags/fine"])
      #expect(refs.headBranch == "refs/heads/main")
    }
  }

  /// The list is right, and the pack that follows is not.
  @Test(arguments: [
    "printf '0008NAK\\n0009\\001PACK0000'", "printf '0008NAK\\n'", "printf '0008NAK\\n000d\\003go away0000'",
  ])
  func aBrokenPack(_ answer: String) throws {
    try remote(answeringFetchesWith: answer).use { repository in
      let error = #expect(throws: GitRemoteError.self) { try repository.fetchTags() }
      let codes: [GitRemoteError.Code] = [.protocolViolation, .remoteHungUp, .refused]
      #expect(error.map { codes.contains($0.code) } == true)
    }
  }

  /// As many objects as there can be, in one packet and in two.
  @Test(arguments: [
    "0011\\001PACK\\000\\000\\000\\002\\377\\377\\377\\377",
    "000f\\001PACK\\000\\000\\000\\002\\377\\3770007\\001\\377\\377",
  ])
  func aPackThatAnnouncesTooMuch(_ packets: String) throws {
    try remote(answeringFetchesWith: "printf '0008NAK\\n\(packets)'").use { repository in
      let error = #expect(throws: GitRemoteError.self) { try repository.fetchTags() }
      #expect(error?.code == .tooLarge)
    }
  }

  /// A remote whose list of refs is right.
  private func remote(answeringFetchesWith answer: String) throws -> TestRemote {
    let fixture = try GitFixture()
    try fixture.tag("churn@v1.0.0")
    let remote = try TestRemote(path: fixture)
    remote.configuration.programs.git = try remote.directory.write(
      "git",
      "#!/bin/sh\ngit upload-pack --http-backend-info-refs \(fixture.path); head -c 60 >/dev/null; \(answer)\n",
      mode: 0o755)
    return remote
  }

  @Test func wordsOfAServerAreBounded() throws {
    let fixture = try GitFixture()
    try fixture.installHook("pre-receive", "yes 'spam spam spam' | head -n 100000 >&2")
    let remote = try TestRemote(path: fixture)
    let tip = try #require(ObjectID(hex: fixture.git("rev-parse", "main")))
    try remote.use { repository in
      let made = try repository.makeTag("churn@v1.0.0", at: tip)
      guard case .done(let report) = try repository.push([made], known: nil) else { return }
      #expect(report.outcomes == [made.name: .accepted])
      #expect(report.serverWords.utf8.count <= remote.configuration.limits.sidebandText + 3)
      #expect(report.serverWords.hasPrefix("spam spam spam\nspam"))
    }
  }

  /// Every shape of tag object that crashed another reader.
  @Test func strangeTags() throws {
    let fixture = try GitFixture()
    let commit = try fixture.git("rev-parse", "main")
    let tree = try fixture.git("rev-parse", "main^{tree}")
    let head = "object \(commit)\ntype commit\ntag"
    let inner = try fixture.rawTag("inner", "\(head) inner\ntagger A <a@b> 5 +0000\n\nx\n")
    try fixture.rawTag("no-tagger", "\(head) no-tagger\n\nmessage\n")
    try fixture.rawTag("empty-email", "\(head) empty-email\ntagger A <> 5 +0000\n\nx\n")
    try fixture.rawTag("zone", "\(head) zone\ntagger A <a@b> 5 +9999\n\nx\n")
    try fixture.rawTag("time", "\(head) time\ntagger A <a@b> 99999999999999999999999 +0000\n\nx\n")
    try fixture.rawTag("of-tree", "object \(tree)\ntype tree\ntag of-tree\ntagger A <a@b> 5 +0000\n\nx\n")
    try fixture.rawTag("of-tag", "object \(inner)\ntype tag\ntag of-tag\ntagger A <a@b> 5 +0000\n\nx\n")
    try fixture.rawTag("no-message", "\(head) no-message\ntagger A <a@b> 5 +0000\n")
    try fixture.git("tag", "light", "main")
    try TestRemote(path: fixture).use { repository in
      let refs = try repository.fetchTags()
      func tag(_ name: String) throws -> TagObject? {
        try refs["refs/tags/\(name)"].flatMap { try repository.readTag($0.id) }
      }
      #expect(try tag("no-tagger")?.tagger == nil)
      #expect(try tag("empty-email")?.tagger?.email == "")
      #expect(try tag("zone")?.tagger?.zone == "+9999")
      #expect(try tag("time")?.tagger == nil)
      #expect(try tag("of-tree")?.commit == nil)
      #expect(try tag("of-tree")?.targetKind == .tree)
      #expect(try tag("of-tag")?.commit?.description == commit)
      #expect(try tag("no-message")?.message == [])
      #expect(try tag("light") == nil)
      #expect(refs["refs/tags/of-tag"]?.peeled?.description == commit)
    }
  }

  @Test func largeTags() throws {
    let fixture = try GitFixture()
    let commit = try fixture.git("rev-parse", "main")
    let head = "object \(commit)\ntype commit\ntag large\ntagger A <a@b> 5 +0000\n\n"
    let large = try fixture.rawTag("large", head + String(repeating: "é€𝄞", count: 150_000))
    try fixture.rawTag("of-large", "object \(large)\ntype tag\ntag of-large\ntagger A <a@b> 5 +0000\n\nx\n")
    let remote = try TestRemote(path: fixture)
    for shift in 0..<9 {
      remote.configuration.limits.tag = (1 << 20) + shift
      try remote.use { repository in
        let refs = try repository.fetchTags()
        let id = try #require(refs["refs/tags/large"]?.id)
        let tag = try #require(try repository.readTag(id))
        #expect(tag.name == "large" && tag.commit?.description == commit && tag.tagger?.seconds == 5)
        #expect(tag.message.count > 1_000_000 && tag.message.count < (1 << 20) + shift)
        #expect(String(validating: tag.message, as: UTF8.self) != nil, "\(shift)")
        #expect(try repository.readTagContent(id)?.count == head.utf8.count + 9 * 150_000)
        let outer = try #require(refs["refs/tags/of-large"]?.id)
        #expect(try repository.readTag(outer)?.commit?.description == commit)
      }
    }
    remote.configuration.limits.wholeTag = 1 << 20
    try remote.use { repository in
      let refs = try repository.fetchTags()
      let id = try #require(refs["refs/tags/large"]?.id)
      #expect(try repository.readTag(id)?.isTooLarge == true)
      #expect(throws: GitRemoteError.self) { try repository.readTagContent(id) }
      #expect(try repository.resolve("large", in: refs)?.description == commit)
    }
  }

  @Test func anEmptyRepository() throws {
    let fixture = try GitFixture(files: [:])
    try TestRemote(path: fixture).use { repository in
      let refs = try repository.fetchTags()
      #expect(refs.count == 0)
      #expect(refs.head == nil)
      #expect(try repository.resolve("HEAD", in: refs) == nil)
    }
  }
}
