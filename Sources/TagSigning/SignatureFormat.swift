/// The kinds of signature that a tag can carry, named as Git's `gpg.format` names them.
public enum SignatureFormat: String, Hashable, Sendable {
  /// SSHSIG, by an SSH key.
  case ssh
  /// CMS, by a key with an X.509 certificate.
  case x509
  /// OpenPGP: recognised, so that the block isn't taken for the message, but neither made nor verified here.
  case openpgp
}
