import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// Tags that real workers sign: real Git and GTO take them, and `verify` judges them as Git does.
@Suite(.serialized)
struct SigningTests {
  @Test("SSH signatures", arguments: ["ed25519", "p256", "rsa"])
  func ssh(_ key: String) throws {
    let repository = try SignedRepository()
    try repository.key(key)
    let signers = try repository.directory.write("signers", "")
    let worker = try WorkerFixture(
      configuration: repository.configuration(
        signing: "format: \"ssh\", keyFile: \"\(repository.path("key"))\"",
        verification: "allowedSignersFile: \"\(signers)\""))
    try promote(worker)
    #expect(try worker.verify("churn#prod")["verdict"] == "unknown_key")
    // What export prints is what Git and the worker itself want.
    let line = try worker.administer("signing", "export", "demo", "--format", "allowed-signers")
    try repository.directory.write("signers", try #require(line["text"]?.stringValue))
    for tag in ["churn@v1.0.0", "churn#prod#1"] {
      let git = try repository.gitVerify(tag, ["gpg.format=ssh", "gpg.ssh.allowedSignersFile=\(signers)"])
      #expect(git.exit == .success, "\(git.errorText)")
      #expect(git.errorText.contains("Good \"git\" signature for stagekeeper@localhost"), "\(git.errorText)")
      let verdict = try worker.verify(tag)
      #expect(verdict["verdict"] == "good", "\(verdict.text())")
      #expect(verdict["format"] == "ssh")
      #expect(verdict["identity"] == "stagekeeper@localhost")
      #expect(git.errorText.contains(try #require(verdict["keyFingerprint"]?.stringValue)))
      #expect(verdict["objectId"]?.stringValue == (try repository.remote.ref("refs/tags/\(tag)")))
    }
    #expect(try worker.verify("churn#prod")["ref"] == "churn#prod#1")
    #expect(try worker.verify("churn@latest")["ref"] == "churn@v1.0.0")
    try expectGTOReads(worker, repository.remote)
    try worker.stop()
  }

  @Test("X.509 signatures", arguments: ["rsa", "p256"])
  func x509(_ key: String) throws {
    let repository = try SignedRepository()
    try repository.key("\(key).pk8.pem")
    try repository.certificate(key, as: "certificate.pem")
    try repository.certificate("intermediate", as: "chain.pem")
    try repository.trustRootInGPGSM()
    let worker = try WorkerFixture(
      configuration: repository.configuration(
        signing: """
          format: "x509", keyFile: "\(repository.path("key"))", chainFile: "\(repository.path("chain.pem"))",
          certificateFile: "\(repository.path("certificate.pem"))"
          """, verification: "caFile: \"\(repository.path("root.pem"))\""))
    try promote(worker)
    for tag in ["churn@v1.0.0", "churn#prod#1"] {
      let git = try repository.gitVerify(tag, ["gpg.format=x509"])
      #expect(git.exit == .success, "\(git.errorText)")
      let verdict = try worker.verify(tag)
      #expect(verdict["verdict"] == "good", "\(verdict.text())")
      #expect(verdict["format"] == "x509")
      #expect(verdict["identity"]?.stringValue?.contains("CN=Test \(key)") == true)
      #expect(verdict["certificateFingerprint"] != nil)
    }
    try expectGTOReads(worker, repository.remote)
    let exported = try worker.administer("signing", "export", "demo")
    #expect(exported["format"] == "certificate")
    #expect(
      exported["text"]?.stringValue
        == (try SignedRepository.fixture("x509/\(key).pem")
          + SignedRepository.fixture("x509/intermediate.pem"))
    )
    try worker.stop()
  }

  @Test("tags that others made, and what reads and doctor say of them")
  func forgeries() throws {
    let repository = try SignedRepository()
    let remote = repository.remote
    let worker = try WorkerFixture(configuration: try sshConfiguration(repository, "required: true"))
    try promote(worker)
    try remote.tag("churn#dev#2", time: 1_900_000_000)
    // A good signature under another name.
    try remote.git("update-ref", "refs/tags/churn#prod#7", "refs/tags/churn#prod#1")
    // One changed letter.
    let signed = try remote.git("cat-file", "tag", "churn#prod#1")
    let changed = "churn#prod#8"
    try remote.rawTag(
      changed, signed.split(separator: "churn#prod#1").joined(separator: Substring(changed)) + "\n")
    try remote.git("update-ref", "refs/tags/light", "main")
    #expect(try worker.verify("churn#dev#2")["verdict"] == "unsigned")
    #expect(try worker.verify("churn#prod#7")["verdict"] == "wrong_name")
    #expect(try worker.verify("churn#prod#8")["verdict"] == "bad_signature")
    #expect(try worker.verify("light")["verdict"] == "unsigned")
    #expect(try worker.stagekeeper("verify", "nothing").exit == .exited(code: 65))
    let findings = try worker.stagekeeper("doctor", "--json").json["findings"]?.arrayValue ?? []
    func refs(_ code: String) -> Set<String> {
      Set(findings.filter { $0["code"]?.stringValue == code }.compactMap { $0["ref"]?.stringValue })
    }
    #expect(refs("unsigned_tag") == ["churn#dev#2"])
    #expect(refs("bad_signature").contains("churn#prod#8"), "\(findings)")
    #expect(!refs("bad_signature").contains("churn#prod#1"), "\(findings)")
    var (parts, next): ([JSONValue], JSONValue?) = ([], nil)
    let raw = try RawConnection(worker.clientSocket)
    repeat {
      var params = JSONObject([("repository", "demo"), ("limit", 1)])
      params["after"] = next
      raw.request(Int64(parts.count), "doctor", .object(params))
      let answer = try #require(try raw.end()?["result"])
      parts += answer["findings"]?.arrayValue ?? []
      next = answer["next"]
    } while next != nil && parts.count < 100
    #expect(parts == findings)
    try worker.stop()
  }

  @Test("the column that show and history have on request")
  func column() throws {
    let repository = try SignedRepository()
    let worker = try WorkerFixture(configuration: try sshConfiguration(repository))
    try promote(worker)
    try repository.remote.tag("churn#dev#2", time: 1_900_000_000)
    let history = try worker.ask("history", "--signed", "--fresh")
    let verdicts = (history.arrayValue ?? []).map { $0["signed"]?["verdict"]?.stringValue }
    #expect(verdicts == ["unsigned", "good", "good"])
    let shown = try worker.ask("show", "--signed")["churn"]?["signed"]
    #expect(shown?["version"]?["verdict"] == "good")
    #expect(shown?["stage"]?["prod"]?["ref"] == "churn#prod#1")
    #expect(shown?["stage"]?["dev"]?["verdict"] == "unsigned")
    let versions = try worker.ask("show", "churn", "--signed")
    #expect(versions[0]?["signed"]?["stage"]?["dev"]?["verdict"] == "unsigned")
    let table = try worker.stagekeeper("history", "--signed", "--plain").text
    #expect(table.contains("signed"))
    #expect(table.contains("release@example.com"))
    #expect(try worker.stagekeeper("show", "--signed").text.contains("no: #dev unsigned"))
    // Nobody who did not ask gets it.
    #expect(try worker.ask("history")[0]?["signed"] == nil)
    try worker.stop()
  }

  @Test("replacing a key as docs/signing.md says")
  func rotation() throws {
    let repository = try SignedRepository()
    let worker = try WorkerFixture(
      configuration: try sshConfiguration(repository, revoked: repository.directory.write("revoked", "")))
    try promote(worker)
    // From one second to the next: a later tag of one artifact has a later time.
    let last = try repository.remote.git(
      "for-each-ref", "--format=%(taggerdate:unix)", "refs/tags/churn#prod#1")
    let seconds = try #require(Int(last))
    try repository.key("p256")
    try repository.directory.write(
      "signers",
      SignedRepository.signer(
        "ed25519", "release@example.com", options: "valid-before=\"\(try stamp(seconds))\"")
        + SignedRepository.signer(
          "p256", "release@example.com", options: "valid-after=\"\(try stamp(seconds + 1))\""))
    try worker.administer("reload")
    try worker.ask("assign", "churn", "--version", "v1.0.0", "--stage", "dev")
    let old = try worker.verify("churn#prod#1")
    let new = try worker.verify("churn#dev#2")
    #expect(old["verdict"] == "good", "\(old.text())")
    #expect(new["verdict"] == "good", "\(new.text())")
    #expect(old["keyFingerprint"] != new["keyFingerprint"])
    // The old key was stolen: nothing that it signed counts any longer.
    try repository.directory.write("revoked", try SignedRepository.fixture("keys/ed25519.pub"))
    #expect(try worker.verify("churn#prod#1")["verdict"] == "revoked")
    #expect(try worker.verify("churn#dev#2")["verdict"] == "good")
    try worker.stop()
  }

  // MARK: Parts

  /// A time as allowed signers have it.
  private func stamp(_ seconds: Int) throws -> String {
    try Program.check("date", ["-u", "-d", "@\(seconds)", "+%Y%m%d%H%M%SZ"]).filter { !$0.isWhitespace }
  }

  private func sshConfiguration(
    _ repository: SignedRepository, _ more: String = "", revoked: String? = nil
  ) throws -> String {
    try repository.key("ed25519")
    let signers = try repository.directory.write(
      "signers", try SignedRepository.signer("ed25519", "release@example.com"))
    return repository.configuration(
      signing: "format: \"ssh\", keyFile: \"\(repository.path("key"))\", \(more)",
      verification: "allowedSignersFile: \"\(signers)\","
        + (revoked.map { "revokedKeysFile: \"\($0)\"" } ?? ""))
  }

  private func promote(_ worker: WorkerFixture) throws {
    try worker.ask("register", "churn", "--version", "v1.0.0", "-m", "The first")
    try worker.ask("assign", "churn", "--version", "v1.0.0", "--stage", "prod")
  }

  /// GTO shows what we show, and no message has the signature in it.
  private func expectGTOReads(_ worker: WorkerFixture, _ remote: GitFixture) throws {
    let gto = try GTO(cloneOf: remote.path)
    #expect(try worker.ask("show") == gto.json("show"))
    for value in [try worker.ask("history"), try worker.ask("show", "churn")] {
      #expect(!value.text().contains("-----"))
    }
    #expect(
      try worker.ask("history", "--ascending")[0]?["message"]?.stringValue?.hasPrefix("The first") == true)
  }
}
