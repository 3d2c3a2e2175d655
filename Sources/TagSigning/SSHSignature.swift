/// A signature in OpenSSH's SSHSIG format (PROTOCOL.sshsig in OpenSSH).
struct SSHSignature: Equatable {
  /// The namespace that Git uses.
  static let namespace = "git"
  static let armour = Armour(label: "SSH SIGNATURE")
  private static let preamble = Array("SSHSIG".utf8)
  private static let version: UInt32 = 1
  /// As `ssh-keygen -Y sign` breaks lines, so that the text is the same byte for byte.
  private static let lineLength = 70

  let publicBlob: [UInt8]
  let namespace: [UInt8]
  let digest: DigestAlgorithm
  /// The algorithm's name that stands in the signature itself.
  let algorithmName: String
  /// What follows the name: the algorithm's own encoding.
  let value: [UInt8]

  /// What the key signs in the name of a message.
  static func signedBytes(_ message: [UInt8], _ digest: DigestAlgorithm) throws(SigningError) -> [UInt8] {
    var writer = SSHWriter()
    writer.raw(preamble)
    writer.string(namespace)
    writer.string("")  // reserved
    writer.string(digest.rawValue)
    writer.string(try digest.digest(of: message))
    return writer.bytes
  }
}

// MARK: Writing

extension SSHSignature {
  func armoured() -> [UInt8] {
    var signature = SSHWriter()
    signature.string(algorithmName)
    signature.string(value)
    var writer = SSHWriter()
    writer.raw(Self.preamble)
    writer.uint32(Self.version)
    writer.string(publicBlob)
    writer.string(namespace)
    writer.string("")  // reserved
    writer.string(digest.rawValue)
    writer.string(signature.bytes)
    return Self.armour.wrap(writer.bytes, lineLength: Self.lineLength)
  }
}

// MARK: Reading

extension SSHSignature {
  init(armoured text: [UInt8]) throws(SSHReader.Malformed) {
    guard let body = Self.armour.body(in: text), let bytes = Base64.decode(body) else {
      throw SSHReader.Malformed()
    }
    self = try bytes.withReader { (reader) throws(SSHReader.Malformed) in try Self(&reader) }
  }

  private init(_ reader: inout SSHReader) throws(SSHReader.Malformed) {
    guard try reader.bytes(Self.preamble.count).elementsEqual(Self.preamble),
      try reader.uint32() <= Self.version
    else { throw SSHReader.Malformed() }
    publicBlob = Array(try reader.string())
    namespace = Array(try reader.string())
    _ = try reader.string()  // reserved
    // PROTOCOL.sshsig knows two.
    guard let digest = DigestAlgorithm(rawValue: try reader.name()), digest != .sha384 else {
      throw SSHReader.Malformed()
    }
    self.digest = digest
    var signature = SSHReader(try reader.string())
    try reader.end()
    algorithmName = try signature.name()
    value = Array(try signature.string())
    try signature.end()
  }
}
