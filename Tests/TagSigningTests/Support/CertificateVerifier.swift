import TagSigning

/// The real gpgsm behind the real `git verify-tag`, with a home of its own that trusts given roots.
struct CertificateVerifier {
  let git: GitVerifier
  private let home: String

  /// Runs a body and stops the home's agents afterwards.
  static func with(_ body: (CertificateVerifier) throws -> Void) throws {
    let verifier = try CertificateVerifier()
    defer { verifier.stop() }
    try verifier.trust("root")
    try body(verifier)
  }

  private init() throws {
    let folder = try TemporaryFolder()
    home = try folder.folder("gnupg")
    try folder.write("gnupg/gpgsm.conf", "disable-crl-checks\nno-common-certs-import\n")
    self.homeFolder = folder
    git = try GitVerifier(environment: ["GNUPGHOME": home])
  }

  private let homeFolder: TemporaryFolder

  private var tool: Tool { Tool(folder: homeFolder, environment: ["GNUPGHOME": home]) }

  private func stop() {
    _ = try? tool.run("gpgconf", ["--homedir", home, "--kill", "all"])
  }

  private func trust(_ name: String) throws {
    let file = "\(Fixture.folder)/x509/\(name).pem"
    let print = try tool.expect("openssl", ["x509", "-in", file, "-noout", "-fingerprint", "-sha1"])
    guard let digits = print.text.split(separator: "=").last?.split(separator: "\n").first else {
      throw Problem("no fingerprint in \(print.text)")
    }
    try homeFolder.write("gnupg/trustlist.txt", "\(digits) S relax\n")
    try tool.expect("gpgsm", ["--batch", "--import", file])
  }

  func verify(_ tag: [UInt8]) throws -> Tool.Result { try git.verify(tag) }
}
