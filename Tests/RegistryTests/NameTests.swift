import Registry
import StrictJSON
import Testing

@Suite struct NameTests {
  @Test(arguments: ["churn", "a", "0", "x/y-z_0", "models:churn", "models/eu:segment", "CV.d/x_:n", "a.b:c"])
  func artifactNames(_ text: String) throws {
    #expect(try ArtifactName(text).text == text)
  }

  @Test(arguments: [
    ("", "empty"), ("-a", "starts with"), ("a-", "ends with"), ("a b", "not allowed"), ("a.b", "not allowed"),
    ("ä", "not allowed"), ("a//b", "empty path component"), ("..:a", "\"..\""), (".x:a", "starts with '.'"),
    ("x.lock/y:z", ".lock"), ("/x:a", "empty path component"), (":a", "folder before ':' is empty"),
    ("a:b:c", "':' is not allowed"), ("a@v1", "'@' is not allowed"), ("-x:a", "starts with '-'"),
    ("a\n", "not allowed"), ("a\u{301}", "not allowed"),
  ])
  func refusedArtifactNames(_ text: String, _ reason: String) throws {
    let error = try #require(throws: InvalidName.self) { _ = try ArtifactName(text) }
    #expect(error.description.contains(reason), "\(error)")
    #expect(error.description.contains("allowed"), "\(error)")
  }

  @Test func errorsNameThePlace() throws {
    let error = try #require(throws: InvalidName.self) { _ = try ArtifactName("folder:na me") }
    #expect(error.offset == 9)
    #expect(error.description.hasPrefix("invalid artifact name \"folder:na me\":"))
    #expect(error.description.contains("at byte 10"))
  }

  @Test(arguments: [
    "v1.0", "1.0.0", "v01.0.0", "v1.0.0-", "v1.0.0-01", "v1.0.0+", "v1.0.0-a..b", "V1.0.0", "", "v١.0.0",
  ])
  func refusedVersions(_ text: String) {
    #expect(throws: InvalidName.self) { try VersionName(text) }
  }

  @Test func hugeNumbersBump() throws {
    let huge = try VersionName("v99999999999999999999.9.9-rc.1+b")
    #expect(huge.bumped(.major).text == "v100000000000000000000.0.0")
    #expect(huge.bumped(.minor).text == "v99999999999999999999.10.0")
    #expect(huge.bumped(.patch).text == "v99999999999999999999.9.10")
  }

  @Test func tagsWithoutACounterMustSuitGit() throws {
    // "v1.0.0-a.lock" is SemVer, but Git refuses a ref that ends so.
    #expect(throws: InvalidName.self) { try TagName(parsing: "churn@v1.0.0-a.lock") }
    #expect(try TagName(parsing: "churn@v1.0.0-a.lock#1").version?.text == "v1.0.0-a.lock")
    let request = WriteRequest(.register, try artifact("churn"), version: try version("v1.0.0-a.lock"))
    #expect(try Fixture().refusal(request) == .invalidTagName)
  }

  @Test func countersAreNumbersOfAnySize() throws {
    let tag = try TagName(parsing: "models=churn#prod!#0099999999999999999999")
    #expect(tag.kind == .unassignment)
    #expect(tag.artifact.text == "models:churn")
    #expect(tag.counter?.successor.description == "100000000000000000000")
    #expect(tag.description == "models=churn#prod!#99999999999999999999")
  }

  @Test func referencesSelectVersions() throws {
    #expect(try ArtifactReference("a:b@latest").selection == .latest)
    #expect(try ArtifactReference("b@greatest").selection == .latest)
    #expect(try ArtifactReference("b@v1.0.0-x+y").selection == .version(version("v1.0.0-x+y")))
    #expect(try ArtifactReference("b#prod").selection == .stage(stage("prod")))
    #expect(try ArtifactReference("b").selection == .all)
    #expect(throws: InvalidName.self) { try ArtifactReference("b@newest") }
  }

  /// Random texts, most of them near a tag: this module takes what GTO and Git both take.
  @Test func parsesTagsAsGTOAndGit() throws {
    let driver = try GTODriver()
    for seed in 0..<max(1, seedCount(60) / 30) {
      var random = SeededRandom(seed: seed)
      let names = (0..<400).map { _ in Self.nearTag(&random) }
      let answers = try driver.ask("parse", [("names", .array(names.map { .string($0) }))]).arrayValue ?? []
      #expect(answers.count == names.count)
      for (name, answer) in zip(names, answers) {
        let parsed = answer.arrayValue?[0] ?? .null
        let isRef = answer.arrayValue?[1] == true && !name.hasPrefix("-") && !name.hasSuffix("\n")
        let ours = try? TagName(parsing: name)
        #expect((ours != nil) == (parsed != .null && isRef), "seed \(seed): \(name)")
        guard let ours, parsed != .null else { continue }
        #expect(ours.artifact.text == parsed["name"]?.stringValue, "\(name)")
        #expect(ours.version?.text == parsed["version"]?.stringValue, "\(name)")
        #expect(ours.stage?.text == parsed["stage"]?.stringValue, "\(name)")
        #expect(ours.counter?.description == parsed["counter"]?.stringValue, "\(name)")
        #expect(Self.gtoActions[ours.kind] == parsed["action"]?.stringValue, "\(name)")
      }
    }
  }

  private static let gtoActions: [EventKind: String] = [
    .registration: "register", .deregistration: "deregister", .assignment: "assign",
    .unassignment: "unassign", .deprecation: "deprecate",
  ]

  private static func nearTag(_ random: inout SeededRandom) -> String {
    let starts = [
      "churn", "a/b", "m=churn", "m/x.y=n", "-x=a", "a_", "x.lock/q=a", "a//b", "..=a", "m=n=o", "=a", "A1",
    ]
    let middles = [
      "@v1.0.0", "@v0.1.2-rc.1+b.2", "#prod", "#eu/canary", "@deprecated", "@created", "#5", "@v01.0.0", "#-",
      "@", "@v1.0.0-a.lock",
    ]
    let ends = ["", "", "!", "#1", "!#12", "#007", "#", "!!", "#1#2", "#x", "/", "."]
    var text = random.pick(starts) + random.pick(middles) + random.pick(ends)
    if random.chance(25) {
      let place = text.index(text.startIndex, offsetBy: Int.random(in: 0..<text.count, using: &random))
      text.insert(random.pick(Array("a0-_/.=@#!v ~^:ä{")), at: place)
    }
    return text
  }

  @Test func ordersAndBumpsVersionsAsGTO() throws {
    var random = SeededRandom(seed: 7)
    let versions = try (0..<200).map { _ in try VersionName(Self.randomVersion(&random)) }
    let answer = try GTODriver().ask("versions", [("versions", .array(versions.map { .string($0.text) }))])
    let order = (answer["order"]?.arrayValue ?? []).compactMap(\.integerValue).map { versions[Int($0)] }
    #expect(order.count == versions.count)
    for (lower, higher) in zip(order, order.dropFirst()) {
      #expect(!higher.semantic.precedes(lower.semantic), "\(lower) \(higher)")
    }
    let bumped = answer["bumped"]?.arrayValue ?? []
    for (version, theirs) in zip(versions, bumped) {
      #expect(
        VersionBump.allCases.map { version.bumped($0).text } == theirs.arrayValue?.compactMap(\.stringValue))
    }
  }

  private static func randomVersion(_ random: inout SeededRandom) -> String {
    let numbers = ["0", "1", "2", "10", "99999999999999999999"]
    let core = (0..<3).map { _ in random.pick(numbers) }.joined(separator: ".")
    let prerelease = random.pick([
      "", "", "-1", "-rc", "-rc.1", "-rc.2", "-rc.10", "-rc.a", "-a.b.c", "--", "-1a",
    ])
    return "v" + core + prerelease + random.pick(["", "", "+b", "+b.01"])
  }
}
