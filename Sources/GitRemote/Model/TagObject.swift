/// An annotated tag as it stands in a repository, which may be anything: every part may be missing.
public struct TagObject: Equatable, Sendable {
  public let id: ObjectID
  /// The name inside the object, which need not be the ref's; repaired where it is not UTF-8.
  public let name: String?
  public let target: ObjectID?
  /// What the object says its target is.
  public let targetKind: ObjectKind?
  /// The commit that it finally points to, through other tags; nil when it is no commit or a tag in
  /// between is not here.
  public internal(set) var commit: ObjectID?
  /// Nil when it is missing or malformed.
  public let tagger: Tagger?
  /// All after the headers, with a signature if there is one; of a large tag without its end.
  public let message: [UInt8]
  /// It is greater than any tag that is read: nothing else is known of it.
  public let isTooLarge: Bool
  /// What the object says of its texts; the message may be of any all the same.
  public let encoding: TextEncoding

  public struct Tagger: Equatable, Sendable {
    /// Repaired where they are not of the object's encoding.
    public let name: String
    public let email: String
    /// Since 1970, UTC.
    public let seconds: Int64
    /// The zone as it stands there, such as `+0200`; not checked.
    public let zone: String

    public init(name: String, email: String, seconds: Int64, zone: String = "+0000") {
      self.name = name
      self.email = email
      self.seconds = seconds
      self.zone = zone
    }
  }

  /// Reads the content of a tag object. Source: Git's `parse_tag_buffer`, but more tolerant.
  ///
  /// - Parameter isCut: whether this may be only its beginning.
  init(id: ObjectID, content: [UInt8], isCut: Bool = false) {
    self.id = id
    isTooLarge = false
    let headers = ObjectHeaders(content)
    message = isCut ? headers.body.endingWithCharacter : headers.body
    name = headers["tag"].map { String(decoding: $0, as: UTF8.self) }
    target = headers["object"].flatMap { ObjectID(hex: String(decoding: $0, as: UTF8.self)) }
    targetKind = headers["type"].flatMap { ObjectKind(rawValue: String(decoding: $0, as: UTF8.self)) }
    let encoding = TextEncoding(header: headers["encoding"])
    self.encoding = encoding
    tagger = headers["tagger"].flatMap { Self.parseTagger($0, encoding) }
    commit = targetKind == .commit ? target : nil
  }

  init(tooLarge id: ObjectID) {
    self.id = id
    isTooLarge = true
    (name, target, targetKind, tagger, message, encoding) = (
      nil, nil, nil, nil, [], TextEncoding(header: nil)
    )
  }

  /// `Name <email> seconds zone`.
  static func parseTagger(_ line: ArraySlice<UInt8>, _ encoding: TextEncoding) -> Tagger? {
    guard let close = line.lastIndex(of: UInt8(ascii: ">")),
      let open = line[..<close].firstIndex(of: UInt8(ascii: "<"))
    else { return nil }
    let words = line[(close + 1)...].split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
    guard let first = words.first, let seconds = Int64(first) else { return nil }
    var name = line[..<open]
    while name.last == 0x20 { name.removeLast() }
    return Tagger(
      name: encoding.text(of: name), email: encoding.text(of: line[(open + 1)..<close]), seconds: seconds,
      zone: words.count > 1 ? words[1] : "")
  }
}

extension [UInt8] {
  /// Without the beginning of a character of UTF-8 that goes on beyond the end.
  fileprivate var endingWithCharacter: [UInt8] {
    let tail = reversed().prefix(3).prefix { $0 & 0xc0 == 0x80 }.count
    guard let lead = dropLast(tail).last, lead >= 0xc0 else { return self }
    let length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
    return tail + 1 < length ? Array(dropLast(tail + 1)) : self
  }
}

/// The text of a tag to be made.
public enum TagText {
  /// The content of an annotated tag on a commit, up to and including the last newline of the message: what
  /// a signature signs, and what it is appended to.
  ///
  /// - Parameter name: the tag's name without `refs/tags/`.
  /// - Parameter message: a newline is added where it has none at the end.
  /// - Throws: ``GitRemoteError/Code/invalid`` where a part would change the meaning of another.
  public static func compose(
    name: String, commit: ObjectID, tagger: TagObject.Tagger, message: String
  ) throws(GitRemoteError) -> [UInt8] {
    func invalid(_ what: String) -> GitRemoteError { GitRemoteError(.invalid, "write the tag \(name)", what) }
    guard RefName.isCreatable("refs/tags/\(name)") else { throw invalid("Git forbids that name") }
    guard isIdentity(tagger.name), isIdentity(tagger.email), !tagger.email.contains(" ") else {
      throw invalid("the tagger's name or e-mail holds a character that Git forbids there")
    }
    guard isZone(tagger.zone), tagger.seconds >= 0 else { throw invalid("the tagger's time is malformed") }
    guard !message.utf8.contains(0) else { throw invalid("the message holds a zero byte") }
    let header = """
      object \(commit)
      type commit
      tag \(name)
      tagger \(tagger.name) <\(tagger.email)> \(tagger.seconds) \(tagger.zone)
      """
    return Array("\(header)\n\n\(message)\(message.utf8.last == 0x0a ? "" : "\n")".utf8)
  }

  /// Not empty, and without what would end the field.
  private static func isIdentity(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f && $0 != 0x3c && $0 != 0x3e }
  }

  private static func isZone(_ zone: String) -> Bool {
    let bytes = Array(zone.utf8)
    return bytes.count == 5 && (bytes[0] == 0x2b || bytes[0] == 0x2d)
      && bytes.dropFirst().allSatisfy { (0x30...0x39).contains($0) }
  }
}
