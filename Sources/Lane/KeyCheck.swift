internal import GitRemote
internal import LaneProtocol
internal import WireProtocol

extension [KeyProblem] {
  /// Tries out the signing key and looks at the other files that a configuration names.
  init(checking configuration: LaneConfiguration) {
    self.init(signer: RepositorySigner(configuration.signing), configuration)
  }

  /// - Parameter signer: which was tried out already.
  init(signer: RepositorySigner, _ configuration: LaneConfiguration) {
    self = [signer.problem].compactMap { $0 }.map(KeyProblem.init)
    do throws(WireError) {
      _ = try TrustFiles.verifier(configuration.verification)
    } catch {
      append(KeyProblem(error))
    }
    do throws(GitRemoteError) {
      try RemoteConfiguration(configuration).checkFiles()
    } catch {
      append(KeyProblem(WireError(error)))
    }
  }
}

extension KeyProblem {
  fileprivate init(_ error: WireError) { self.init(code: error.code.rawValue, message: error.message) }
}
