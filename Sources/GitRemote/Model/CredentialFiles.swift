internal import RemoteURLs
internal import SystemCalls

extension RemoteConfiguration {
  /// Looks whether the files with our keys and with those of servers are there, and readable and writable by nobody
  /// but those who should. A file is looked at again whenever it is used.
  ///
  /// - Throws: ``GitRemoteError/Code/credentialFileUnusable`` that names the file and what mends it.
  public func checkFiles() throws(GitRemoteError) {
    do throws(SecretFileError) {
      switch url.location {
      case .path: break
      case .ssh:
        if let file = ssh.keyFile { try SecretFile.check(secret: file) }
        if let file = ssh.knownHostsFile { try SecretFile.check(public: file) }
      case .http:
        if let file = https.tokenFile { try SecretFile.check(secret: file) }
        if let file = https.caFile { try SecretFile.check(public: file) }
        if let program = https.command?.first { try SecretFile.check(public: program) }
      }
    } catch {
      throw GitRemoteError(.credentialFileUnusable, "look at the credential", "\(error)")
    }
  }
}
