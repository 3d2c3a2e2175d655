internal import LaneProtocol
internal import StrictJSON
internal import SystemCalls
internal import TagSigning
internal import WireProtocol

/// Signs the tags of one repository, where its configuration wants that.
struct RepositorySigner {
  private let configuration: LaneConfiguration.Signing?
  private var signer: (any TagSigner)?
  /// Why the key can't be used; nil where it can, and where nothing is signed.
  private(set) var problem: WireError?

  /// Tries the key out. One that can't be used becomes ``problem``: nothing but signing needs it.
  init(_ configuration: LaneConfiguration.Signing?) {
    self.configuration = configuration
    load()
  }

  private mutating func load() {
    do throws(WireError) {
      signer = try TagSignerLoader.signer(configuration)
      problem = nil
    } catch {
      signer = nil
      problem = error
    }
  }

  /// What has to be appended to a tag's text: nothing where tags are not signed. A key that could not be
  /// used is read again first, and so is a certificate that has expired.
  ///
  /// - Throws: an error with the code `signing_key`.
  mutating func signature(of text: [UInt8], taggerTime: Int64) throws(WireError) -> [UInt8] {
    if problem != nil || !isValid(at: taggerTime) { load() }
    if let problem { throw problem }
    guard let signer else { return [] }
    guard isValid(at: taggerTime) else {
      throw .signingKey("the certificate is not valid at the tag's time")
    }
    do throws(SigningError) {
      return try signer.sign(text, taggerTime: taggerTime)
    } catch {
      throw .signingKey("\(error)")
    }
  }

  /// A signature by a certificate that is not valid at the tagger's time is good for nobody.
  private func isValid(at time: Int64) -> Bool {
    guard let signer = signer as? CMSTagSigner else { return true }
    return ([signer.certificate] + signer.chain).allSatisfy { ($0.notBefore...$0.notAfter).contains(time) }
  }

  // MARK: For others

  /// The public half of the key in a form that others take.
  ///
  /// - Parameter identity: who it belongs to: the tagger's address.
  func export(_ form: SigningKeyForm, identity: String) throws(WireError) -> String {
    if let problem { throw problem }
    guard let signer else {
      throw WireError(
        .signingNotConfigured, category: .refused, "the repository's configuration has no signing")
    }
    switch (form, signer as? CMSTagSigner) {
    case (.openssh, _): return signer.publicKey.openSSHLine(comment: identity) + "\n"
    case (.github, nil): return signer.publicKey.openSSHLine(comment: identity) + "\n"
    case (.allowedSigners, nil): return signer.publicKey.allowedSignersLine(principal: identity) + "\n"
    case (.certificate, let signer?): return try Self.pem([signer.certificate] + signer.chain)
    case (.github, _):
      throw .form(
        "GitHub and GitLab know X.509 signers by their certificate authority; there is no key to add")
    case (.allowedSigners, _): throw .form("X.509 signatures are verified by their certificate authority")
    case (.certificate, nil): throw .form("the repository signs with an SSH key, which has no certificate")
    }
  }

  private static func pem(_ certificates: [Certificate]) throws(WireError) -> String {
    do throws(SigningError) {
      var text = ""
      for certificate in certificates { text += try certificate.pem() }
      return text
    } catch {
      throw .signingKey("\(error)")
    }
  }
}

extension WireError {
  static func signingKey(_ why: String) -> WireError {
    WireError(.signingKey, category: .unavailable, "the signing key can't be used: \(why)")
  }

  fileprivate static func form(_ why: String) -> WireError {
    WireError(
      .invalidParameter, category: .usage, why, details: JSONObject([("path", "params.format")]))
  }
}
