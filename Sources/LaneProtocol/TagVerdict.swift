public import Registry
public import StrictJSON

/// A tag whose signature the lane is asked to judge.
public struct TagToVerify: Sendable, Equatable, Hashable {
  /// Without `refs/tags/`.
  public var ref: String
  /// The tag object; nil: whatever the lane knows under that ref.
  public var objectID: ObjectID?

  public init(ref: String, objectID: ObjectID? = nil) {
    self.ref = ref
    self.objectID = objectID
  }

  var json: JSONValue {
    var object = JSONObject([("ref", .string(ref))])
    object.set("objectId", objectID?.description)
    return .object(object)
  }

  init(_ value: JSONValue, path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(value, path: path)
    self.init(ref: try reader.string("ref"), objectID: try reader.optionalObjectID("objectId"))
    try reader.finish()
  }
}

/// What the lane says of the signature of one tag.
public struct TagVerdict: Sendable, Equatable {
  /// ``good`` or the reason why it is not; an open set. Source: proto-spec/protocol.md, "Signatures".
  public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Signed by somebody who is trusted, under this very name.
    public static let good = Self(rawValue: "good")
    public static let unsigned = Self(rawValue: "unsigned")
    /// The signature is good, for a tag of another name.
    public static let wrongName = Self(rawValue: "wrong_name")
    public static let malformed = Self(rawValue: "malformed")
    /// Nothing says whom to trust.
    public static let notConfigured = Self(rawValue: "not_configured")
    /// Between worker and lane only: the object is not in the mirror, so that the remote has to be asked.
    public static let missing = Self(rawValue: "missing")
    /// Between worker and lane only: the remote has no such tag.
    public static let noSuchRef = Self(rawValue: "no_such_ref")
  }

  /// Without `refs/tags/`.
  public var ref: String
  public var code: Code
  /// For people.
  public var message: String
  public var objectID: ObjectID?
  /// `ssh`, `x509` or `openpgp`; nil without a signature.
  public var format: String?
  /// The principal or the certificate's subject; set only where somebody trusted has signed.
  public var identity: String?
  /// `SHA256:…`; what the signature names, which is a finding only where ``code`` says that it is right.
  public var keyFingerprint: String?
  public var certificateFingerprint: String?
  /// The tagger's time, at which validity was judged, in seconds since 1970.
  public var taggerTime: Int64?

  public init(_ ref: String, _ code: Code, _ message: String, objectID: ObjectID? = nil) {
    self.ref = ref
    self.code = code
    self.message = message
    self.objectID = objectID
  }

  public var isGood: Bool { code == .good }

  var json: JSONValue {
    var object = JSONObject([
      ("ref", .string(ref)), ("code", .string(code.rawValue)), ("message", .string(message)),
    ])
    object.set("objectId", objectID?.description)
    object.set("format", format)
    object.set("identity", identity)
    object.set("keyFingerprint", keyFingerprint)
    object.set("certificateFingerprint", certificateFingerprint)
    object["taggerTime"] = taggerTime.map { .integer($0) }
    return .object(object)
  }

  init(_ value: JSONValue, path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(value, path: path)
    self.init(
      try reader.string("ref"), Code(rawValue: try reader.string("code")), try reader.string("message"),
      objectID: try reader.optionalObjectID("objectId"))
    format = try reader.optionalString("format")
    identity = try reader.optionalString("identity")
    keyFingerprint = try reader.optionalString("keyFingerprint")
    certificateFingerprint = try reader.optionalString("certificateFingerprint")
    taggerTime = try reader.optionalInteger("taggerTime", in: .min ... .max)
    try reader.finish()
  }
}

extension [TagVerdict] {
  /// The answer to ``LaneRequest/verify(_:)``.
  public var json: JSONValue { ["verdicts": .array(map(\.json))] }

  public init(_ value: JSONValue) throws(JSONShapeError) {
    var reader = try ObjectReader(value, path: "verify")
    self = try reader.elements("verdicts", TagVerdict.init)
    try reader.finish()
  }
}
