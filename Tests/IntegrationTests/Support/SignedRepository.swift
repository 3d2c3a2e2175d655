import StrictJSON
import SystemCalls
import TestSupport

/// Keys, certificates and lists of trusted keys in a directory of a test's own, and a remote.
final class SignedRepository {
  let remote: GitFixture
  let directory: TemporaryDirectory
  private let home: String

  init() throws {
    remote = try GitFixture(files: ["README": "model\n"])
    directory = try TemporaryDirectory()
    home = try directory.makeDirectory("gnupg", mode: 0o700)
  }

  deinit { _ = try? Program.run("gpgconf", ["--homedir", home, "--kill", "all"]) }

  func path(_ name: String) -> String { directory.appending(name) }

  /// Copies a checked-in test key; returns its path.
  @discardableResult
  func key(_ name: String, as copy: String = "key", mode: UInt32 = 0o600) throws -> String {
    try directory.write(copy, try Self.fixture("keys/\(name)"), mode: mode)
  }

  /// Copies a checked-in certificate; returns its path.
  @discardableResult
  func certificate(_ name: String, as copy: String) throws -> String {
    try directory.write(copy, try Self.fixture("x509/\(name).pem"))
  }

  /// A line for allowed signers.
  static func signer(_ key: String, _ principal: String, options: String = "") throws -> String {
    let blob = try fixture("keys/\(key).pub").split(separator: " ").prefix(2).joined(separator: " ")
    return "\(principal) \(options)\(options.isEmpty ? "" : " ")\(blob)\n"
  }

  static func fixture(_ name: String) throws -> String {
    let path = "\(BuiltProgram.sources)/Tests/TagSigningTests/Fixtures/\(name)"
    return String(decoding: try Files.read(path, limit: 1 << 20), as: UTF8.self)
  }

  /// The configuration of a worker that serves the remote as `demo`.
  func configuration(signing: String, verification: String = "") -> String {
    let trust = verification.isEmpty ? "" : "verification: { \(verification) },"
    return """
      repositories: { demo: { url: "\(remote.path)", signing: { \(signing) }, \(trust) } }, \(ownerGrant)
      """
  }

  // MARK: What Git says

  /// Runs the real `git verify-tag` in a new clone.
  func gitVerify(_ tag: String, _ settings: [String]) throws -> Program.Output {
    let clone = try TemporaryDirectory()
    try Program.check("git", ["clone", "-q", remote.path, clone.appending("clone")])
    let options = settings.flatMap { ["-c", $0] }
    return try Program.run(
      "git", ["-C", clone.appending("clone")] + options + ["verify-tag", tag],
      environment: ["GNUPGHOME=\(home)"])
  }

  /// Has gpgsm trust the checked-in root.
  func trustRootInGPGSM() throws {
    let root = try certificate("root", as: "root.pem")
    try directory.write("gnupg/gpgsm.conf", "disable-crl-checks\nno-common-certs-import\n")
    let print = try Program.check("openssl", ["x509", "-in", root, "-noout", "-fingerprint", "-sha1"])
    let digits = String(print.split(separator: "=").last?.filter { !$0.isWhitespace } ?? "")
    try directory.write("gnupg/trustlist.txt", "\(digits) S relax\n")
    try Program.check("gpgsm", ["--batch", "--import", root], environment: ["GNUPGHOME=\(home)"])
  }
}

extension WorkerFixture {
  /// The verdict on a tag; `verify` ends with 0 for good ones and with 65 for the others.
  func verify(_ tag: String) throws -> JSONValue {
    let run = try stagekeeper("verify", tag, "--json", "--fresh")
    let isGood = run.json["verdict"] == "good"
    guard run.exit == (isGood ? .success : .exited(code: 65)) else {
      throw Program.Failure("verify \(tag) \(run)")
    }
    return run.json
  }

  /// The codes of what the worker reports of the keys of its first repository.
  func keyProblems() throws -> [String] {
    let repository = try administer("repositories")["repositories"]?[0]
    return (repository?["keyProblems"]?.arrayValue ?? []).compactMap { $0["message"]?.stringValue }
  }
}
