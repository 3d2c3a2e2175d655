public import StrictJSON

/// A file of keys, certificates or trust that a repository's configuration names and that can't be used.
public struct KeyProblem: Sendable, Equatable {
  /// `signing_key`, `verification_files` or `credential_file`, the code that requests are refused with.
  public var code: String
  /// Which file, and why; never with its content.
  public var message: String

  public init(code: String, message: String) {
    self.code = code
    self.message = message
  }

  public var json: JSONValue { ["code": .string(code), "message": .string(message)] }

  init(_ value: JSONValue, path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(value, path: path)
    self.init(code: try reader.string("code"), message: try reader.string("message"))
    try reader.finish()
  }
}

extension [KeyProblem] {
  /// The answer to ``LaneRequest/checkKeys(_:)``.
  public var json: JSONValue { ["keyProblems": .array(map(\.json))] }

  public init(_ value: JSONValue) throws(JSONShapeError) {
    var reader = try ObjectReader(value, path: "open")
    self = try reader.elements("keyProblems", KeyProblem.init)
    try reader.finish()
  }
}

extension LaneConfiguration {
  /// Whom the lane trusts to have signed tags; paths of files.
  public struct Verification: Sendable, Equatable {
    public var allowedSignersFile: String?
    public var revokedKeysFile: String?
    public var caFile: String?

    public init(
      allowedSignersFile: String? = nil, revokedKeysFile: String? = nil, caFile: String? = nil
    ) {
      self.allowedSignersFile = allowedSignersFile
      self.revokedKeysFile = revokedKeysFile
      self.caFile = caFile
    }

    var json: JSONValue {
      var object = JSONObject()
      object.set("allowedSignersFile", allowedSignersFile)
      object.set("revokedKeysFile", revokedKeysFile)
      object.set("caFile", caFile)
      return .object(object)
    }

    init(_ reader: ObjectReader) throws(JSONShapeError) {
      var reader = reader
      self.init(
        allowedSignersFile: try reader.optionalString("allowedSignersFile"),
        revokedKeysFile: try reader.optionalString("revokedKeysFile"),
        caFile: try reader.optionalString("caFile"))
      try reader.finish()
    }
  }
}
