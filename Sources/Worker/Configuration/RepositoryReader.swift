internal import LaneProtocol
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
    self.id = id
    try reader.only(
      "url", "ssh", "https", "tagger", "signing", "verification", "containment", "defaultBranch",
      "tagsPerPush", "allowDelete")
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
    if let message = Self.problem(withURL: url) {
      throw JSONShapeError(path: "\(path).url", message: message)
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

  /// What is wrong with a URL as far as its form goes; the lane reads it in full.
  private static func problem(withURL url: String) -> String? {
    if url.isEmpty { return "is empty" }
    if url.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) { return "holds a control character" }
    if let scheme = url.firstRange(of: "://") {
      let authority = url[scheme.upperBound...].prefix { $0 != "/" }
      let user = authority.lastIndex(of: "@").map { authority[..<$0] }
      if user?.contains(":") ?? false {
        return "holds a password; put it in a file and name that file (https.tokenFile)"
      }
    }
    return transport(of: url) == nil
      ? "expected ssh://, https://, http://, user@host:path or an absolute path" : nil
  }

  enum Transport {
    case path, http, ssh
  }

  /// How the server is reached, by the form of the URL.
  var transport: Transport? { Self.transport(of: url) }

  private static func transport(of url: String) -> Transport? {
    if url.hasPrefix("/") || url.hasPrefix("file:///") { return .path }
    guard let scheme = url.firstRange(of: "://") else { return url.contains(":") ? .ssh : nil }
    return switch url[..<scheme.lowerBound] {
    case "ssh": .ssh
    case "https", "http": .http
    default: nil
    }
  }
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
    try reader.only("format", "keyFile", "certificateFile", "chainFile", "passphraseFile", "required")
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
