public import StrictJSON

/// Everything that a lane is told about its repository. Secrets are paths of files, which the lane alone reads.
public struct LaneConfiguration: Sendable, Equatable {
  /// The repository's id, for messages.
  public var repository: String
  public var url: String
  /// Absolute path of the lane's own directory.
  public var mirrorDirectory: String
  /// Absolute path of a directory for the socket of a shared ssh connection; short.
  public var controlDirectory: String?
  public var sshKeyFile: String?
  public var sshKnownHostsFile: String?
  public var httpsUsername: String?
  public var httpsTokenFile: String?
  /// An absolute path and arguments.
  public var httpsCredentialCommand: [String]?
  public var httpsCAFile: String?
  public var taggerName: String
  public var taggerEmail: String
  /// Nil: the remote's HEAD.
  public var defaultBranch: String?
  /// Seconds that one operation at the server may take.
  public var operationSeconds: Int
  public var signing: Signing?
  /// Nil: nobody is trusted to have signed anything.
  public var verification: Verification?
  public var containment = Containment()

  /// How the lane signs the tags that it makes.
  public struct Signing: Sendable, Equatable {
    /// `ssh` or `x509`.
    public var format: String
    public var keyFile: String
    public var certificateFile: String?
    public var chainFile: String?
    public var passphraseFile: String?

    public init(
      format: String, keyFile: String, certificateFile: String? = nil, chainFile: String? = nil,
      passphraseFile: String? = nil
    ) {
      self.format = format
      self.keyFile = keyFile
      self.certificateFile = certificateFile
      self.chainFile = chainFile
      self.passphraseFile = passphraseFile
    }
  }

  public init(
    repository: String, url: String, mirrorDirectory: String, taggerName: String, taggerEmail: String,
    operationSeconds: Int
  ) {
    self.repository = repository
    self.url = url
    self.mirrorDirectory = mirrorDirectory
    self.taggerName = taggerName
    self.taggerEmail = taggerEmail
    self.operationSeconds = operationSeconds
  }
}

extension LaneConfiguration {
  public var json: JSONValue {
    var object = JSONObject()
    object["repository"] = .string(repository)
    object["url"] = .string(url)
    object["mirrorDirectory"] = .string(mirrorDirectory)
    object.set("controlDirectory", controlDirectory)
    object.set("sshKeyFile", sshKeyFile)
    object.set("sshKnownHostsFile", sshKnownHostsFile)
    object.set("httpsUsername", httpsUsername)
    object.set("httpsTokenFile", httpsTokenFile)
    object["httpsCredentialCommand"] = httpsCredentialCommand.map { .array($0.map { .string($0) }) }
    object.set("httpsCAFile", httpsCAFile)
    object["taggerName"] = .string(taggerName)
    object["taggerEmail"] = .string(taggerEmail)
    object.set("defaultBranch", defaultBranch)
    object["operationSeconds"] = .integer(Int64(operationSeconds))
    object["signing"] = signing?.json
    object["verification"] = verification?.json
    object["containment"] = containment.json
    return .object(object)
  }

  public init(_ value: JSONValue) throws(JSONShapeError) {
    var reader = try ObjectReader(value, path: "open")
    self.init(
      repository: try reader.string("repository"), url: try reader.string("url"),
      mirrorDirectory: try reader.string("mirrorDirectory"), taggerName: try reader.string("taggerName"),
      taggerEmail: try reader.string("taggerEmail"),
      operationSeconds: Int(try reader.integer("operationSeconds", in: 1...86_400)))
    controlDirectory = try reader.optionalString("controlDirectory")
    sshKeyFile = try reader.optionalString("sshKeyFile")
    sshKnownHostsFile = try reader.optionalString("sshKnownHostsFile")
    httpsUsername = try reader.optionalString("httpsUsername")
    httpsTokenFile = try reader.optionalString("httpsTokenFile")
    httpsCredentialCommand = try reader.optionalStrings("httpsCredentialCommand")
    httpsCAFile = try reader.optionalString("httpsCAFile")
    defaultBranch = try reader.optionalString("defaultBranch")
    if let signing = try reader.optionalObject("signing") { self.signing = try Signing(signing) }
    if let files = try reader.optionalObject("verification") { verification = try Verification(files) }
    if let bounds = try reader.optionalObject("containment") { containment = try Containment(bounds) }
    try reader.finish()
  }
}

extension LaneConfiguration.Signing {
  var json: JSONValue {
    var object = JSONObject()
    object["format"] = .string(format)
    object["keyFile"] = .string(keyFile)
    object.set("certificateFile", certificateFile)
    object.set("chainFile", chainFile)
    object.set("passphraseFile", passphraseFile)
    return .object(object)
  }

  init(_ reader: ObjectReader) throws(JSONShapeError) {
    var reader = reader
    self.init(
      format: try reader.string("format"), keyFile: try reader.string("keyFile"),
      certificateFile: try reader.optionalString("certificateFile"),
      chainFile: try reader.optionalString("chainFile"),
      passphraseFile: try reader.optionalString("passphraseFile"))
    try reader.finish()
  }
}

extension JSONObject {
  /// Sets a member, or leaves it out where there is no value.
  mutating func set(_ key: String, _ value: String?) { self[key] = value.map { .string($0) } }
}
