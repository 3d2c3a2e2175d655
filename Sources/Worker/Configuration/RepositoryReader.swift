internal import LaneProtocol
internal import Registry
internal import RemoteURLs
internal import StrictJSON

extension RepositoryConfiguration {
  init(id: String, reading value: JSONValue, at path: String) throws(JSONShapeError) {
    guard Self.isValid(id: id) else {
      throw JSONShapeError(
        path: path,
        message:
          "a repository's id has 1 to 64 letters, digits, '.', '_' or '-' and starts with a letter or digit")
    }
    var reader = try ObjectReader(value, path: path)
    try reader.only(
      "url", "ssh", "https", "tagger", "signing", "verification", "containment", "defaultBranch",
      "tagsPerPush", "allowDelete")
    self.id = id
    url = try reader.string("url")
    ssh = try SSHConfiguration(reading: try reader.optionalObject("ssh"))
    https = try HTTPSConfiguration(reading: try reader.optionalObject("https"))
    tagger = try TaggerConfiguration(reading: try reader.optionalObject("tagger"))
    signing = try SigningConfiguration(reading: try reader.optionalObject("signing"))
    verification = try VerificationConfiguration(reading: try reader.optionalObject("verification"))
    containment = try LaneConfiguration.Containment(reading: try reader.optionalObject("containment"))
    defaultBranch = try reader.optionalString("defaultBranch")
    tagsPerPush = Int(try reader.optionalInteger("tagsPerPush", in: 1...1000) ?? 3)
    allowDelete = try reader.optionalBool("allowDelete") ?? false
    try reader.finish()
    do throws(MalformedURL) {
      _ = try RemoteURL(url)
    } catch {
      throw reader.error("url", error.message)
    }
    if let problem = defaultBranch.flatMap(BranchName.problem) {
      throw reader.error("defaultBranch", problem)
    }
  }

  /// A repository that is named on the command line: everything but its URL has its default.
  public init(id: String, url: String) throws(ConfigurationError) {
    do throws(JSONShapeError) {
      try self.init(id: id, reading: ["url": .string(url)], at: id)
    } catch {
      throw ConfigurationError("--repo \(error)")
    }
  }

  private static func isValid(id: String) -> Bool {
    let bytes = Array(id.utf8)
    guard let first = bytes.first, bytes.count <= 64 else { return false }
    func isAlphanumeric(_ byte: UInt8) -> Bool {
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
    return isAlphanumeric(first)
      && bytes.allSatisfy { isAlphanumeric($0) || $0 == 0x2E || $0 == 0x5F || $0 == 0x2D }
  }

  /// How the server is reached.
  var location: RemoteURL.Location? { try? RemoteURL(url).location }
}

extension SSHConfiguration {
  init?(reading reader: ObjectReader?) throws(JSONShapeError) {
    guard var reader else { return nil }
    keyFile = try reader.absolutePath("keyFile")
    knownHostsFile = try reader.absolutePath("knownHostsFile")
    try reader.finish()
  }
}

extension HTTPSConfiguration {
  init?(reading reader: ObjectReader?) throws(JSONShapeError) {
    guard var reader else { return nil }
    username = try reader.optionalString("username")
    tokenFile = try reader.absolutePath("tokenFile")
    credentialCommand = try reader.command("credentialCommand")
    caFile = try reader.absolutePath("caFile")
    try reader.finish()
    if tokenFile != nil, credentialCommand != nil {
      throw reader.error("credentialCommand", "stands beside tokenFile; name one of the two")
    }
  }
}

extension TaggerConfiguration {
  init(reading reader: ObjectReader?) throws(JSONShapeError) {
    name = "Stagekeeper"
    email = "stagekeeper@localhost"
    guard var reader else { return }
    name = try reader.identity("name") ?? name
    email = try reader.identity("email") ?? email
    try reader.finish()
  }
}

extension SigningConfiguration {
  init?(reading reader: ObjectReader?) throws(JSONShapeError) {
    guard var reader else { return nil }
    try reader.only("format", "keyFile", "certificateFile", "chainFile", "passphraseFile", "required")
    guard let format = try reader.optionalChoice("format", Format.self) else {
      throw reader.error("format", "is missing: \"ssh\" or \"x509\"")
    }
    self.format = format
    guard let keyFile = try reader.absolutePath("keyFile") else {
      throw reader.error("keyFile", "is missing")
    }
    self.keyFile = keyFile
    certificateFile = try reader.absolutePath("certificateFile")
    chainFile = try reader.absolutePath("chainFile")
    passphraseFile = try reader.absolutePath("passphraseFile")
    required = try reader.optionalBool("required") ?? false
    try reader.finish()
    if format == .x509, certificateFile == nil {
      throw reader.error("certificateFile", "is missing: x509 signatures carry their certificate")
    }
  }
}

extension ObjectReader {
  /// A program and its arguments; nil where the member is missing.
  fileprivate mutating func command(_ key: String) throws(JSONShapeError) -> [String]? {
    guard let words = try optionalStrings(key) else { return nil }
    guard let program = words.first, program.hasPrefix("/"), !words.contains(where: { $0.utf8.contains(0) })
    else {
      throw error(key, "expected a program's absolute path and its arguments")
    }
    return words
  }

  /// A name or an e-mail address as Git writes it into a tagger line.
  fileprivate mutating func identity(_ key: String) throws(JSONShapeError) -> String? {
    guard let text = try optionalString(key) else { return nil }
    let isForbidden: (UInt8) -> Bool = { $0 < 0x20 || $0 == 0x7F || $0 == 0x3C || $0 == 0x3E }
    guard !text.utf8.contains(where: isForbidden), text.contains(where: { $0 != " " }) else {
      throw error(key, "must not be empty and must not hold '<', '>' or control characters")
    }
    return text
  }
}
