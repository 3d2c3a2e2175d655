internal import LaneProtocol
internal import WireProtocol

extension [KeyProblem] {
  /// Tries out the signing key and the trust files that a configuration names.
  init(checking configuration: LaneConfiguration) {
    self.init(signer: RepositorySigner(configuration.signing), configuration.verification)
  }

  /// - Parameter signer: which was tried out already.
  init(signer: RepositorySigner, _ verification: LaneConfiguration.Verification?) {
    self = [signer.problem].compactMap { $0 }.map(KeyProblem.init)
    do throws(WireError) {
      _ = try TrustFiles.verifier(verification)
    } catch {
      append(KeyProblem(error))
    }
  }
}

extension KeyProblem {
  fileprivate init(_ error: WireError) { self.init(code: error.code.rawValue, message: error.message) }
}
