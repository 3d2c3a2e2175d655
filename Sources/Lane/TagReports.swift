internal import GitRemote
internal import LaneProtocol
internal import Registry
internal import TagSigning

extension LaneRepository {
  /// Reports what is different from what the parent knows, in parts that fit into frames.
  func reportChanges(to refs: RefList, _ report: (TagDelta) -> Void) throws(GitRemoteError) {
    var part = DeltaPart(TagDelta(startsOver: known == nil))
    for ref in known?.refs(under: "refs/tags/") ?? [] where refs[ref.name] == nil {
      part.add(removed: ref.shortName).map(report)
    }
    for ref in refs.refs(under: "refs/tags/")
    where known?[ref.name]?.id != ref.id || hidden.isShownNow(ref.name) {
      let object = try remote.readTag(ref.id)
      if object == nil, let record = hidden.record(of: ref) {
        part.add(record).map(report)
      } else if let record = TagRecord(name: ref.shortName, id: ref.id, object: object) {
        part.add(record).map(report)
      }
    }
    if part.delta != TagDelta() { report(part.delta) }
  }
}

/// What is reported, cut into events that fit into frames.
private struct DeltaPart {
  private(set) var delta: TagDelta
  private var bytes = 0

  init(_ delta: TagDelta) { self.delta = delta }

  /// - Returns: a part that is full, where it is.
  mutating func add(_ tag: TagRecord) -> TagDelta? {
    delta.tags.append(tag)
    return take(tag.ref.utf8.count + (tag.annotation?.message.utf8.count ?? 0))
  }

  mutating func add(removed name: String) -> TagDelta? {
    delta.removed.append(name)
    return take(name.utf8.count)
  }

  private mutating func take(_ new: Int) -> TagDelta? {
    bytes += new
    if delta.tags.count < TagDelta.tagsPerEvent, bytes < TagDelta.bytesPerEvent { return nil }
    defer { self = DeltaPart(TagDelta()) }
    return delta
  }
}

extension AdvertisedRef {
  /// Without `refs/tags/`.
  fileprivate var shortName: String { String(name.dropFirst("refs/tags/".count)) }
}

extension TagRecord {
  /// - Parameter object: nil for a lightweight tag.
  init?(name: String, id: GitRemote.ObjectID, object: TagObject?) {
    guard let id = Registry.ObjectID(id.description) else { return nil }
    if object?.isTooLarge == true {
      self.init(ref: name, objectID: id, annotation: nil, unread: .tooLarge)
    } else {
      self.init(ref: name, objectID: id, annotation: object.map(Annotation.init))
    }
  }
}

extension TagRecord.Annotation {
  fileprivate init(_ object: TagObject) {
    let message = SignedTag(splitting: object.message).text
    let text = String(validating: message, as: UTF8.self)
    self.init(
      name: object.name ?? "", commit: object.commit.flatMap { Registry.ObjectID($0.description) },
      isNested: object.targetKind == .tag, tagger: object.tagger.map(Signature.init),
      message: text ?? object.encoding.text(of: message), isUTF8: text != nil)
  }
}

extension Signature {
  init(_ tagger: TagObject.Tagger) {
    let zone = Timestamp.zoneMinutes(tagger.zone)
    self.init(
      name: tagger.name, email: tagger.email, time: Timestamp(seconds: tagger.seconds, zoneMinutes: zone))
  }
}

extension Timestamp {
  /// `+0530` → 330, `+5` → 5; what stands for more than 99 hours is cut to that. A zone that can't be read counts as
  /// UTC, as in Git: a time is a time without it. Source: Git, ident.c; dulwich, objects.py, `parse_timezone`.
  static func zoneMinutes(_ text: String) -> Int {
    guard let sign = text.first, sign == "+" || sign == "-", let digits = Int(text.dropFirst()) else {
      return 0
    }
    let minutes = min(max(digits / 100 * 60 + digits % 100, -5999), 5999)
    return sign == "-" ? -minutes : minutes
  }

  /// 330 → `+0530`.
  var zoneText: String {
    func two(_ number: Int) -> String { (number < 10 ? "0" : "") + String(number) }
    return (zoneMinutes < 0 ? "-" : "+") + two(abs(zoneMinutes) / 60) + two(abs(zoneMinutes) % 60)
  }
}
