internal import COpenSSL
internal import SystemCalls

/// Reads private keys in PEM: PKCS#8, encrypted or not, and the older `RSA` and `EC PRIVATE KEY` forms.
enum PEMPrivateKey {
  /// OpenSSL: `PEM_read_bio_PrivateKey`.
  static func makeKey(
    _ file: UnsafeRawBufferPointer, passphrase: SecretBytes?
  ) throws(SigningError) -> EVPKey {
    let operation = PrivateKeyFile.operation
    // The BIO only borrows the bytes, which outlive it here, so that no second copy has to be wiped.
    let bio = try OpenSSLCall.pointer(operation) {
      BIO_new_mem_buf(file.baseAddress, Int32(clamping: file.count))
    }
    defer { BIO_free_all(bio) }
    let request = PassphraseRequest(passphrase)
    defer { withExtendedLifetime(request) {} }
    do {
      let key = try OpenSSLCall.pointer(operation, code: .notAKey) {
        PEM_read_bio_PrivateKey(bio, nil, answerPassphrase, Unmanaged.passUnretained(request).toOpaque())
      }
      return try EVPKey(takingOwnership: key, operation)
    } catch {
      throw request.explain(error)
    }
  }
}

/// What the password callback is handed: it answers from memory, so OpenSSL never asks on a terminal.
private final class PassphraseRequest {
  private let passphrase: SecretBytes?
  private var wasAsked = false

  init(_ passphrase: SecretBytes?) { self.passphrase = passphrase }

  /// Returns the passphrase's length, or -1 where there is none that fits.
  func answer(_ buffer: UnsafeMutableRawBufferPointer) -> Int32 {
    wasAsked = true
    guard let passphrase, passphrase.count <= buffer.count else { return -1 }
    passphrase.withUnsafeBytes { buffer.copyMemory(from: $0) }
    return Int32(passphrase.count)
  }

  /// An encrypted key that didn't open is the passphrase's fault until proven otherwise.
  func explain(_ error: SigningError) -> SigningError {
    guard wasAsked, error.code == .notAKey else { return error }
    return passphrase == nil
      ? SigningError(
        .passphraseRequired, error.operation, "the key is encrypted and no passphrase is configured")
      : SigningError(
        .wrongPassphrase, error.operation, "the passphrase does not open the key, or it is damaged")
  }
}

/// OpenSSL: `pem_password_cb`.
private func answerPassphrase(
  _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int32, _ isForWriting: Int32,
  _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let buffer, let context else { return -1 }
  let request = Unmanaged<PassphraseRequest>.fromOpaque(context).takeUnretainedValue()
  return request.answer(UnsafeMutableRawBufferPointer(start: buffer, count: Int(size)))
}
