import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// Keys that can't be used are reported by name, and a retry never signs twice.
@Suite(.serialized)
struct SigningFaultTests {
  /// A wrong set of files, and words of the report.
  struct Case: CustomStringConvertible {
    let description: String
    let words: String
    let prepare: @Sendable (SignedRepository) throws -> String
  }

  private static func ssh(_ repository: SignedRepository, _ more: String = "") -> String {
    "format: \"ssh\", keyFile: \"\(repository.path("key"))\", \(more)"
  }

  private static func x509(_ repository: SignedRepository, _ certificate: String) throws -> String {
    try repository.certificate(certificate, as: "certificate.pem")
    return """
      format: "x509", keyFile: "\(repository.path("key"))",
      certificateFile: "\(repository.path("certificate.pem"))"
      """
  }

  static let cases = [
    Case(description: "no file", words: "No such file") { ssh($0) },
    Case(description: "readable by everybody", words: "everybody can read") {
      try $0.key("ed25519", mode: 0o644)
      return ssh($0)
    },
    Case(description: "a public key", words: "public half") {
      try $0.key("ed25519.pub")
      return ssh($0)
    },
    Case(description: "a missing passphrase", words: "passphrase") {
      try $0.key("p256.encrypted.pem")
      return ssh($0)
    },
    Case(description: "a wrong passphrase", words: "passphrase") {
      try $0.key("p256.encrypted.pem")
      try $0.directory.write("passphrase", "wrong\n", mode: 0o600)
      return ssh($0, "passphraseFile: \"\($0.path("passphrase"))\"")
    },
    Case(description: "an expired certificate", words: "expired") {
      try $0.key("rsa.pk8.pem")
      return try x509($0, "expired")
    },
    Case(description: "another key's certificate", words: "but the signing key is") {
      try $0.key("rsa.pk8.pem")
      return try x509($0, "p256")
    },
  ]

  @Test("a key that can't be used is named at the start and by --check", arguments: cases)
  func badKey(_ wrong: Case) throws {
    let repository = try SignedRepository()
    let configuration = repository.configuration(signing: try wrong.prepare(repository))
    let worker = try WorkerFixture(configuration: configuration)
    try Eventually.holds("the key is reported: \(worker.output)") { try !worker.keyProblems().isEmpty }
    let problems = try worker.keyProblems()
    #expect(problems.count == 1)
    #expect(problems.first?.contains(wrong.words) == true, "\(problems)")
    #expect(problems.first?.contains("wrong\n") == false)
    #expect(worker.output.contains("repository=demo"), "\(worker.output)")
    // Reads need no key; a promotion says what is wrong.
    #expect(try worker.stagekeeper("show").exit == .success)
    let refused = try worker.stagekeeper("register", "churn", "--json")
    #expect(refused.exit == .exited(code: 69), "\(refused)")
    #expect(refused.everything.contains(wrong.words), "\(refused)")
    #expect(try repository.remote.tags().isEmpty)
    try worker.stop()
    let check = try Program.run(
      try BuiltProgram.path("stagekeeperd"), worker.arguments + ["--check"])
    #expect(check.exit == .exited(code: 78), "\(check.text)")
    #expect(check.errorText.contains("demo"), "\(check.errorText)")
    #expect(check.errorText.contains(wrong.words), "\(check.errorText)")
  }

  @Test("a key that went bad while its lane was in use is named after a reload")
  func reloadedKey() throws {
    let repository = try SignedRepository()
    try repository.key("ed25519")
    let worker = try WorkerFixture(configuration: repository.configuration(signing: Self.ssh(repository)))
    try worker.ask("register", "churn", "--version", "v1.0.0")
    #expect(try worker.keyProblems().isEmpty)
    try Files.remove(repository.path("key"))
    try worker.administer("reload")
    try Eventually.holds("the key is reported: \(worker.output)") { try !worker.keyProblems().isEmpty }
    try worker.stop()
  }

  @Test("a key that was mended is used without a restart")
  func mendedKey() throws {
    let repository = try SignedRepository()
    let signers = try repository.directory.write(
      "signers", try SignedRepository.signer("ed25519", "release@example.com"))
    let worker = try WorkerFixture(
      configuration: repository.configuration(
        signing: Self.ssh(repository), verification: "allowedSignersFile: \"\(signers)\""))
    #expect(try worker.stagekeeper("register", "churn", "--version", "v1.0.0").exit == .exited(code: 69))
    try repository.key("ed25519")
    try worker.administer("retry", "1")
    try worker.waitForJob("1", state: "succeeded")
    #expect(try worker.verify("churn@v1.0.0")["verdict"] == "good")
    #expect(try worker.keyProblems().isEmpty)
    try worker.stop()
    let check = try Program.run(try BuiltProgram.path("stagekeeperd"), worker.arguments + ["--check"])
    #expect(check.exit == .success, "\(check.errorText)")
  }

  @Test(
    "trust files that can't be used",
    arguments: [
      ("allowedSignersFile", "churn@example.com\n", "line 1"), ("caFile", "no PEM\n", "CERTIFICATE"),
      ("revokedKeysFile", "SSHKRL\n\0", "key revocation list"),
    ])
  func badTrustFile(_ key: String, _ content: String, _ words: String) throws {
    let repository = try SignedRepository()
    try repository.key("ed25519")
    let file = try repository.directory.write("trust", content)
    let good = try repository.certificate("root", as: "root.pem")
    let worker = try WorkerFixture(
      configuration: repository.configuration(
        signing: Self.ssh(repository, "required: true"),
        verification: key == "caFile" ? "caFile: \"\(file)\"" : "caFile: \"\(good)\", \(key): \"\(file)\""))
    try Eventually.holds("the file is reported: \(worker.output)") { try !worker.keyProblems().isEmpty }
    let problem = try #require(try worker.keyProblems().first)
    #expect(problem.contains(file) && problem.contains(words), "\(problem)")
    // Promotions go on.
    try worker.ask("register", "churn", "--version", "v1.0.0")
    let verify = try worker.stagekeeper("verify", "churn@v1.0.0")
    #expect(verify.exit == .exited(code: 69), "\(verify)")
    #expect(verify.everything.contains(words), "\(verify)")
    #expect(try worker.stagekeeper("doctor").text.contains("verification_files"))
    try worker.stop()
  }

  /// ECDSA gives another signature, and so another tag object, each time.
  @Test("a retry after kill -9 pushes the object that was journalled", arguments: ["lane", "worker"])
  func neverSignsTwice(_ victim: String) throws {
    let repository = try SignedRepository()
    let gate = repository.path("gate")
    let pushes = repository.path("pushes")
    // Every push waits in the hook for the gate: the first is journalled then, and not in the remote.
    try repository.remote.installHook(
      "pre-receive", "echo x >> \(pushes); while [ ! -e \(gate) ]; do sleep 0.05; done")
    try repository.key("p256")
    let worker = try WorkerFixture(configuration: repository.configuration(signing: Self.ssh(repository)))
    try worker.ask("register", "churn", "--version", "v1.0.0", "--no-wait")
    func waitForPushes(_ count: Int) throws {
      try Eventually.holds("\(count) pushes have come to the hook: \(worker.output)") {
        ((try? Files.read(pushes, limit: 1 << 16)) ?? []).count >= count * 2
      }
    }
    try waitForPushes(1)
    let journalled = try #require(try worker.administer("job", "1")["intents"]?[0]?["objectId"]?.stringValue)
    #expect(try repository.remote.tags().isEmpty)
    if victim == "lane" {
      ProcessTable.kill(try #require(try worker.lane(of: "demo")))
    } else {
      try worker.crash()
      try worker.start()
    }
    try waitForPushes(2)
    #expect(try worker.administer("job", "1")["intents"]?[0]?["objectId"]?.stringValue == journalled)
    try repository.directory.write("gate", "")
    try worker.waitForJob("1", state: "succeeded")
    #expect(try repository.remote.ref("refs/tags/churn@v1.0.0") == journalled)
    #expect(try worker.ask("job", "status", "1")["objectId"]?.stringValue == journalled)
    try worker.stop()
  }
}
