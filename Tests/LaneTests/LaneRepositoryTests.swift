import class GitRemote.RemoteRepository
import LaneProtocol
import Registry
import StrictJSON
import TestSupport
import Testing

@testable import Lane

/// How a lane pushes, beside a real repository.
struct LaneRepositoryTests {
  private let remote: GitFixture
  private let commit: ObjectID
  private let directory: TemporaryDirectory

  init() throws {
    remote = try GitFixture()
    try remote.tag("churn@v1.0.0")
    let head = try #require(try remote.ref("HEAD"))
    commit = try #require(ObjectID(head))
    directory = try TemporaryDirectory()
  }

  private func lane(_ name: String) throws -> LaneRepository {
    try LaneRepository(
      LaneConfiguration(
        repository: "demo", url: remote.path, mirrorDirectory: directory.appending(name), taggerName: "T",
        taggerEmail: "t@example.com", operationSeconds: 60))
  }

  private func prepare(_ lane: LaneRepository, _ name: String) throws -> PreparedTag {
    let draft = TagDraft(
      name: name, target: commit, message: "A message\n", time: Timestamp(seconds: 1_800_000_000))
    var reader = try ObjectReader(try lane.answer(.prepare([draft])) { _ in }, path: "prepare")
    return try #require(try reader.elements("tags", PreparedTag.init).first)
  }

  private func push(_ lane: LaneRepository, _ tag: PreparedTag, evenIfChanged: Bool) throws -> (
    reply: PushReply, reported: [String]
  ) {
    var reported: [String] = []
    let reply = try lane.answer(.push([tag], branches: [], evenIfChanged: evenIfChanged)) { delta in
      reported += delta.tags.map(\.ref)
    }
    return (try PushReply(reply), reported)
  }

  @Test("a lane that took over between making a tag and its push looks at the remote first")
  func takingOver() throws {
    let first = try lane("first")
    let tag = try prepare(first, "churn@v2.0.0")
    first.close()
    let second = try lane("second")
    let changed = try push(second, tag, evenIfChanged: false)
    guard case .changed = changed.reply else { throw Program.Failure("\(changed)") }
    #expect(changed.reported == ["churn@v1.0.0"])
    #expect(try remote.tags() == ["churn@v1.0.0"])
    let done = try push(second, tag, evenIfChanged: false)
    #expect(done.reply == .done([PushedTag(name: "churn@v2.0.0", outcome: .accepted)]))
    #expect(done.reported == ["churn@v2.0.0"])
    #expect(try remote.tags() == ["churn@v1.0.0", "churn@v2.0.0"])
  }

  @Test("the server gets ready once the parent has the tags that it means to push, and for nothing else")
  func gettingReady() throws {
    let lane = try lane("first")
    func isReady() throws -> Bool {
      lane.getReady()
      return lane.remote.rest() != nil
    }
    _ = try prepare(lane, "churn@v2.0.0")
    // The push will have to look at the remote first.
    #expect(try !isReady())
    _ = try lane.answer(.synchronize) { _ in }
    #expect(try !isReady())
    let tag = try prepare(lane, "churn@v2.0.0")
    #expect(try isReady())
    _ = try lane.answer(.branches) { _ in }
    #expect(
      try push(lane, tag, evenIfChanged: false).reply
        == .done([PushedTag(name: tag.name, outcome: .accepted)]))
    #expect(try !isReady())
    lane.close()
  }

  @Test(
    "a tag that the server shows on one side only holds nothing up, and its name is taken",
    arguments: ["receive", "uploadpack"])
  func hiddenTag(side: String) throws {
    try remote.tag("churn#dev#1")
    try remote.git("config", "\(side).hideRefs", "refs/tags/churn#dev#1")
    let lane = try lane("first")
    _ = try lane.answer(.synchronize) { _ in }
    var reported: [String] = []
    for _ in 0..<2 {
      let tag = try prepare(lane, "churn@v2.0.0")
      let changed = try push(lane, tag, evenIfChanged: false)
      guard case .changed = changed.reply else { throw Program.Failure("\(changed)") }
      reported += changed.reported
    }
    #expect(reported == (side == "receive" ? [] : ["churn#dev#1"]))
    for version in 2...3 {
      let tag = try prepare(lane, "churn@v\(version).0.0")
      let done = try push(lane, tag, evenIfChanged: false)
      #expect(done.reply == .done([PushedTag(name: tag.name, outcome: .accepted)]))
    }
    // What is new is seen still.
    try remote.tag("churn@v4.0.0")
    let changed = try push(lane, try prepare(lane, "churn@v5.0.0"), evenIfChanged: false)
    #expect(changed.reported == ["churn@v4.0.0"])
    try remote.git("config", "--unset", "\(side).hideRefs")
    var records: [TagRecord] = []
    _ = try lane.answer(.synchronize) { records += $0.tags }
    #expect(records.map(\.ref) == reported && records.allSatisfy { $0.annotation != nil })
    lane.close()
  }

  @Test("what was sent before is sent again whatever the remote has become")
  func repeating() throws {
    let first = try lane("first")
    let tag = try prepare(first, "churn@v2.0.0")
    let second = try lane("second")
    for outcome in [PushedTag.Outcome.accepted, .alreadyThere] {
      let done = try push(second, tag, evenIfChanged: true)
      #expect(done.reply == .done([PushedTag(name: "churn@v2.0.0", outcome: outcome)]))
    }
    #expect(try remote.tags() == ["churn@v1.0.0", "churn@v2.0.0"])
  }
}
