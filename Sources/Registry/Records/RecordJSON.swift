public import StrictJSON

extension TagRecord {
  /// The record as it crosses from the process that reads Git. Keys: `ref`, `object` and, for annotated
  /// tags, `tag` = `name`, `commit`, `nested`, `tagger`, `message`, `utf8`; `unread`; what is nil or as
  /// usual is left out.
  public var jsonValue: JSONValue {
    var members: [(key: String, value: JSONValue)] = [
      ("ref", .string(ref)), ("object", .string(objectID.description)),
    ]
    if let annotation { members.append(("tag", annotation.jsonValue)) }
    if let unread { members.append(("unread", .string(unread.rawValue))) }
    return .object(JSONObject(members))
  }

  /// - Throws: `JSONShapeError` where a member is missing, unknown or of the wrong type.
  public init(_ value: JSONValue, path: String = "") throws(JSONShapeError) {
    var reader = try ObjectReader(value, path: path)
    let annotation = try reader.optionalObject("tag")
    self.init(
      ref: try reader.string("ref"), objectID: try reader.objectID("object"),
      annotation: try annotation.map { reader throws(JSONShapeError) in try Annotation(reader) },
      unread: try reader.optionalChoice("unread", Unread.self))
    try reader.finish()
  }
}

extension TagRecord.Annotation {
  fileprivate var jsonValue: JSONValue {
    var members: [(key: String, value: JSONValue)] = [("name", .string(name))]
    if let commit { members.append(("commit", .string(commit.description))) }
    if isNested { members.append(("nested", true)) }
    if let tagger { members.append(("tagger", tagger.jsonValue)) }
    members.append(("message", .string(message)))
    if !isUTF8 { members.append(("utf8", false)) }
    return .object(JSONObject(members))
  }

  fileprivate init(_ reader: ObjectReader) throws(JSONShapeError) {
    var reader = reader
    let tagger = try reader.optionalObject("tagger")
    self.init(
      name: try reader.string("name"), commit: try reader.optionalObjectID("commit"),
      isNested: try reader.optionalBool("nested") ?? false,
      tagger: try tagger.map { reader throws(JSONShapeError) in try Signature(reader) },
      message: try reader.string("message"), isUTF8: try reader.optionalBool("utf8") ?? true)
    try reader.finish()
  }
}

extension Signature {
  var jsonValue: JSONValue {
    [
      "name": .string(name), "email": .string(email), "seconds": .integer(time.seconds),
      "zone": .integer(Int64(time.zoneMinutes)),
    ]
  }

  fileprivate init(_ reader: ObjectReader) throws(JSONShapeError) {
    var reader = reader
    let seconds = try reader.integer("seconds", in: .min ... .max)
    let zone = try reader.integer("zone", in: -6000...6000)
    self.init(
      name: try reader.string("name"), email: try reader.string("email"),
      time: Timestamp(seconds: seconds, zoneMinutes: Int(zone)))
    try reader.finish()
  }
}

extension CommitRecord {
  /// Keys: `commit`, `author`, `committer`, `message`.
  public var jsonValue: JSONValue {
    [
      "commit": .string(id.description), "author": author.jsonValue, "committer": committer.jsonValue,
      "message": .string(message),
    ]
  }

  /// - Throws: `JSONShapeError` where a member is missing, unknown or of the wrong type.
  public init(_ value: JSONValue, path: String = "") throws(JSONShapeError) {
    var reader = try ObjectReader(value, path: path)
    let id = try reader.objectID("commit")
    let author = try Signature(try ObjectReader(reader.required("author"), path: reader.path(of: "author")))
    let committer = try Signature(
      try ObjectReader(reader.required("committer"), path: reader.path(of: "committer")))
    self.init(id: id, author: author, committer: committer, message: try reader.string("message"))
    try reader.finish()
  }
}

extension ObjectReader {
  /// A member that is a Git object's id.
  public mutating func objectID(_ key: String) throws(JSONShapeError) -> ObjectID {
    let text = try string(key)
    guard let id = ObjectID(text) else { throw error(key, "expected 40 or 64 hexadecimal digits") }
    return id
  }

  /// A member that is a Git object's id, or missing.
  public mutating func optionalObjectID(_ key: String) throws(JSONShapeError) -> ObjectID? {
    guard let text = try optionalString(key) else { return nil }
    guard let id = ObjectID(text) else { throw error(key, "expected 40 or 64 hexadecimal digits") }
    return id
  }
}
