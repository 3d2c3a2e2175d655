public import SystemCalls

/// Reads the files that signing and verifying need, and refuses those that the wrong people can read or change.
public enum KeyFile {
  /// Reads a private key or a passphrase; ``SecretFile/readSecret(_:)`` says who may be able to read it.
  ///
  /// - Throws: ``SigningError`` with `unreadableFile` or `unsafePermissions`; never with the content.
  public static func readSecret(_ path: String) throws(SigningError) -> SecretBytes {
    do throws(SecretFileError) { return try SecretFile.readSecret(path) } catch { throw SigningError(error) }
  }

  /// Reads a file that decides who is trusted, or a certificate: anybody may read it, but nobody except its
  /// owner, root and its group may write it.
  public static func readPublic(_ path: String) throws(SigningError) -> [UInt8] {
    do throws(SecretFileError) { return try SecretFile.readPublic(path) } catch { throw SigningError(error) }
  }
}

extension SigningError {
  fileprivate init(_ error: SecretFileError) {
    let code: Code = error.code == .unsafe ? .unsafePermissions : .unreadableFile
    self.init(code, "reading \(error.path)", error.message)
  }
}
