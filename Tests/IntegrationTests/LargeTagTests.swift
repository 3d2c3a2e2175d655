import Registry
import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// Tags and commits whose message is greater than what is kept of it.
struct LargeTagTests {
  private static let message = String(repeating: "x", count: 1_500_000) + "\n"

  @Test("a version whose tag has a long message is there")
  func isThere() throws {
    let remote = try GitFixture()
    try remote.tag("model@v1.0.0", message: Self.message)
    let worker = try WorkerFixture(["demo": remote.path])
    let again = try worker.stagekeeper("register", "model", "--json")
    #expect(again.errorCode == "already_registered", "\(again)")
    #expect(try worker.stagekeeper("doctor").exit == .success)
    try worker.ask("assign", "model", "--version", "v1.0.0", "--stage", "dev")
    try worker.stop()
  }

  @Test("a version whose commit has a long message is promoted and shown")
  func largeCommit() throws {
    let remote = try GitFixture()
    for kilobytes in [1500, 80_000] {
      try remote.commit(files: ["a": "\(kilobytes)"], message: String(repeating: "x", count: kilobytes << 10))
      try remote.tag("model@v\(kilobytes).0.0")
    }
    let worker = try WorkerFixture(["demo": remote.path])
    try worker.ask("assign", "model", "--version", "v80000.0.0", "--stage", "dev")
    let rows = try worker.ask("show", "model").arrayValue ?? []
    #expect(rows.map { $0["version"] } == ["v80000.0.0", "v1500.0.0"], "\(rows.map { $0["version"] })")
    try worker.stop()
  }

  @Test("what the worker keeps of a repository is bounded")
  func bounded() throws {
    let remote = try GitFixture()
    let good = try GitFixture()
    for number in 1...3 { try remote.tag("model@v0.0.\(number)", message: Self.message) }
    let worker = try WorkerFixture(
      configuration: """
        repositories: {
          demo: { url: "\(remote.path)", containment: { reportBytes: 2000000 } },
          good: { url: "\(good.path)" },
        },
        \(ownerGrant) limits: { attempts: 2, backoffMilliseconds: 1 },
        """)
    let promotion = ["assign", "model", "--version", "v0.0.1", "--stage", "dev", "--repo", "demo"]
    let run = try worker.stagekeeper(promotion + ["--json"])
    #expect(
      run.errorCode == "remote_protocol" && run.everything.contains("containment.reportBytes"), "\(run)")
    try worker.ask("register", "model", "--version", "v1.0.0", "--repo", "good")
    let file = worker.directory.appending("stagekeeper.json5")
    let text = String(decoding: try Files.read(file, limit: 1 << 20), as: UTF8.self)
    try Files.replace(file, with: Array(text.replacing("2000000", with: "8000000").utf8))
    try worker.administer("reload")
    try worker.ask(promotion)
    #expect(try remote.tags().contains("model#dev#1"))
    try worker.stop()
  }

  @Test("its signature is judged over all of it")
  func signature() throws {
    let repository = try SignedRepository()
    let key = try repository.key("ed25519")
    let signers = try repository.directory.write("signers", SignedRepository.signer("ed25519", "ci"))
    let text = try repository.directory.write("message", Self.message)
    try repository.remote.git(
      "-c", "gpg.format=ssh", "-c", "user.signingkey=\(key)", "tag", "-s", "-F", text, "model@v1.0.0", "main")
    let worker = try WorkerFixture(
      configuration: repository.configuration(
        signing: "format: \"ssh\", keyFile: \"\(key)\"", verification: "allowedSignersFile: \"\(signers)\""))
    #expect(try worker.verify("model@v1.0.0")["verdict"] == "good")
    let signed = try repository.remote.git("cat-file", "tag", "model@v1.0.0") + "\n"
    let forged = signed.replacing("x\n-----BEGIN", with: "y\n-----BEGIN")
    #expect(forged != signed)
    try repository.remote.rawTag("model@v1.0.0", forged)
    try worker.ask("show", "--fresh")
    #expect(try worker.verify("model@v1.0.0")["verdict"] == "bad_signature")
    try worker.stop()
  }
}
