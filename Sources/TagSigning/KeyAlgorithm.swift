/// The kinds of key that sign and verify tags.
public enum KeyAlgorithm: Hashable, Sendable, CustomStringConvertible {
  case ed25519
  /// ECDSA on a NIST curve, RFC 5656.
  case ecdsa(Curve)
  /// RSA with a modulus of that many bits, at least ``minimumRSABits``.
  case rsa(bits: Int)

  public enum Curve: CaseIterable, Hashable, Sendable {
    case p256, p384, p521
  }

  /// Smaller RSA keys neither sign nor verify.
  public static let minimumRSABits = 2048
  /// Larger ones cost seconds a signature; OpenSSH refuses them as well.
  public static let maximumRSABits = 16384

  /// The name in OpenSSH's public key files, such as `ssh-ed25519`.
  public var sshName: String {
    switch self {
    case .ed25519: "ssh-ed25519"
    case .ecdsa(let curve): "ecdsa-sha2-" + curve.sshName
    case .rsa: "ssh-rsa"
    }
  }

  public var description: String {
    switch self {
    case .ed25519: "Ed25519"
    case .ecdsa(.p256): "ECDSA P-256"
    case .ecdsa(.p384): "ECDSA P-384"
    case .ecdsa(.p521): "ECDSA P-521"
    case .rsa(let bits): "RSA \(bits)"
    }
  }
}

extension KeyAlgorithm.Curve {
  /// The curve of a key type such as `ecdsa-sha2-nistp256`.
  init?(sshKeyType: String) {
    guard let curve = Self.allCases.first(where: { KeyAlgorithm.ecdsa($0).sshName == sshKeyType }) else {
      return nil
    }
    self = curve
  }

  /// RFC 5656, section 10.1.
  var sshName: String {
    switch self {
    case .p256: "nistp256"
    case .p384: "nistp384"
    case .p521: "nistp521"
    }
  }

  var opensslName: String {
    switch self {
    case .p256: "prime256v1"
    case .p384: "secp384r1"
    case .p521: "secp521r1"
    }
  }
}
