import Testing

@testable import Worker

/// What the check of a configuration says of it, in sentences and warnings.
struct PolicyWarningTests {
  /// - Returns: the configuration with one member after another in place of what it has.
  private func configuration(
    repositories: String = "demo: { url: \"/r\" }",
    tenants: String = "jobs: { uids: [4001] }, boss: { uids: [4002] }",
    grants: String = """
    { tenants: ["jobs"], repositories: ["demo"], actions: ["assign"], stages: ["prod", "dev"] },
    { tenants: ["boss"], repositories: ["*"], actions: ["approve", "read"] },
    """,
    conditions: String = """
    { repositories: ["d*"], stages: ["prod"], approvals: { required: 1, approvers: ["boss"] } }
    """, sockets: String = ""
  ) throws -> Configuration {
    let text = """
      { repositories: { \(repositories) }, tenants: { \(tenants) }, grants: [\(grants)],
        conditions: [\(conditions)], \(sockets) }
      """
    return try Configuration(json5: Array(text.utf8))
  }

  private func warnings(_ configuration: Configuration) -> [String] {
    PolicyWarnings(configuration: configuration, now: 1_800_000_000).lines
  }

  @Test("a configuration whose rules all can do something has no warnings")
  func none() throws { #expect(try warnings(configuration()) == []) }

  private func condition(_ members: String) throws -> [String] {
    try warnings(configuration(grants: Self.grants, conditions: "{ repositories: [\"*\"], \(members) }"))
  }

  private static let grants = """
    { tenants: ["jobs"], repositories: ["demo"], artifacts: ["churn*"], actions: ["assign"], stages: ["prod", "dev"] },
    { tenants: ["boss"], repositories: ["*"], actions: ["approve", "assign"], stages: ["dev"] },
    """

  @Test("patterns that no name can match, which would let through what they are to hold")
  func impossibleNames() throws {
    for (members, warning) in [
      (#"stages: ["prod "], signed: true"#, "conditions[0].stages: no stage can be called 'prod '"),
      (
        #"stages: ["prod"], artifacts: ["models:churn", "b c"], signed: true"#,
        "conditions[0].artifacts: no artifact can be called 'b c'"
      ),
      (#"stages: ["prod"], from: ["staging "]"#, "conditions[0].from: no stage can be called 'staging '"),
    ] {
      #expect(try condition(members).last == warning)
    }
    let grants = """
      { tenants: ["jobs"], repositories: ["demo"], actions: ["assign"], stages: [], artifacts: [""] },
      { tenants: ["boss"], repositories: ["*"], actions: ["read"] },
      """
    #expect(
      try warnings(configuration(grants: grants, conditions: "")) == [
        "grants[0].artifacts: no artifact can be called ''",
        "grants[0].stages: is empty, so that it is about no stage",
      ])
  }

  @Test func rulesThatNeverMatch() throws {
    let other = "{ tenants: [\"jobs\", \"boss\"], repositories: [\"other\"], actions: [\"read\"] }"
    #expect(
      try warnings(configuration(grants: other, conditions: "")) == [
        "repositories.demo: no grant opens it to anybody",
        "grants[0].repositories: no repository has such a name",
      ])
    for (url, section, warning) in [
      ("/r", "ssh: {}", "repositories.demo.ssh: nothing of it is used, for the URL is none of ssh"),
      (
        "git@h:r", "https: {}", "repositories.demo.https: nothing of it is used, for the URL is none of https"
      ),
      ("https://h/r", "https: {}", nil), ("ssh://h/r", "ssh: {}", nil), ("h:r", "ssh: {}", nil),
    ] {
      let repository = "demo: { url: \"\(url)\", \(section) }"
      #expect(try warnings(configuration(repositories: repository)) == [warning].compactMap(\.self))
    }
    #expect(
      try warnings(configuration(tenants: "jobs: { uids: [1] }, boss: { uids: [2] }, idle: { gids: [3] }"))
        == ["tenants.'idle': no grant allows it anything"])
    let useless = """
      { tenants: ["jobs"], repositories: ["demo"], actions: ["register", "read"], stages: ["prod"] },
      { tenants: ["boss"], repositories: ["demo"], actions: ["delete", "approve"] }
      """
    #expect(
      try warnings(configuration(grants: useless, conditions: "")) == [
        "grants[0].stages: none of its actions is about a stage",
        "grants[1].actions: 'delete' allows nothing, no repository of it has allowDelete",
        "grants[1].actions: 'approve' allows nothing, no condition wants the approval of its tenants",
      ])
  }

  @Test func conditionsThatNeverBindOrAlwaysRefuse() throws {
    func last(_ members: String) throws -> String? { try condition(members).last }
    #expect(
      try last(#"artifacts: ["fraud"], stages: ["prod"], signed: true"#)?.contains("binds nobody") == true)
    #expect(try last(#"stages: ["qa"], branches: ["main"]"#)?.contains("binds nobody") == true)
    #expect(
      try last(#"stages: ["prod"], from: ["qa*"]"#)?.hasPrefix("conditions[0].from: no grant lets") == true)
    #expect(try last(#"stages: ["prod"], from: ["prod"]"#)?.contains("have been in the stage before") == true)
    #expect(try last(#"stages: ["prod"], signed: true"#)?.contains("'demo' has no signing") == true)
    let past = #"[{ from: "2020-01-01T00:00:00Z", until: "2020-01-02T00:00:00Z" }]"#
    #expect(
      try last(#"stages: ["prod"], freeze: \#(past)"#) == "conditions[0].freeze: all of its time is over")
    #expect(
      try last(#"stages: ["prod"], approvals: { required: 1, approvers: ["boss"] }"#)
        == "conditions[0].approvals: none of the approvers has a grant with 'approve' there")
    #expect(
      try last(#"stages: ["dev"], approvals: { required: 2, approvers: ["boss"] }"#)
        == "conditions[0].approvals: 2 have to agree, and only 1 of its approvers may")
  }

  @Test func sentences() throws {
    let lines = PolicySentences(
      configuration: try configuration(
        tenants: "jobs: {}, boss: { uids: [4002], gids: [7, 8] }",
        conditions: """
          { repositories: ["d*"], stages: ["prod"], approvals: { required: 2, approvers: ["boss"] }, from: ["dev", "qa"],
            freeze: [{ days: ["fri"], from: "16:00", until: "24:00", utcOffset: "-01:30", reason: "weekend" }] }
          """,
        sockets: "sockets: { clients: [{ path: \"/run/jobs.sock\", tenant: \"jobs\" }] }")
    ).lines
    #expect(
      lines == [
        "Whoever connects to /run/jobs.sock (mode 0600) is tenant 'jobs'.",
        "Tenant 'jobs' is whoever connects to /run/jobs.sock.",
        "Tenant 'boss' is users 4002 and groups 7 and 8.",
        "grants[0]: 'jobs' may assign: every artifact of repository 'demo', stages 'prod' or 'dev'.",
        "grants[1]: 'boss' may approve and read: every artifact of every repository, every stage.",
        "conditions[0].from: into stage 'prod' of every artifact of repository 'd*' goes only a version that has been in stages 'dev' or 'qa'.",
        "conditions[0].freeze: nothing changes in stage 'prod' of every artifact of repository 'd*' each fri from 16:00 until 24:00 UTC-01:30 (weekend).",
        "conditions[0].approvals: every change in stage 'prod' of every artifact of repository 'd*' needs 2 of tenant 'boss' to agree.",
      ])
  }

  @Test("two patterns overlap where some name is matched by both: tried out on all short names")
  func overlaps() {
    let letters: [Character] = ["a", "b", "*", "?"]
    var patterns = [""]
    for _ in 0..<3 { patterns += patterns.flatMap { start in letters.map { start + String($0) } } }
    patterns = Array(Set(patterns.filter { $0.count <= 3 })).sorted()
    var names = [""]
    for _ in 0..<6 {
      names += names.filter { $0.count == names.last?.count }.flatMap { [$0 + "a", $0 + "b"] }
    }
    let matching = patterns.map { text in Set(names.filter { Pattern(text).matches($0) }) }
    for (left, text) in patterns.enumerated() {
      for (right, other) in patterns.enumerated() {
        let both = !matching[left].isDisjoint(with: matching[right])
        #expect(Pattern(text).overlaps(Pattern(other)) == both, "\(text) and \(other)")
      }
    }
  }
}
