internal import JobQueue
internal import LaneProtocol
internal import Registry
internal import StrictJSON
internal import WireProtocol

/// What is done of a job that goes on, or does not end well, on a server that can't take all or none. It stands in the
/// job's last error. Source: proto-spec/protocol.md, "The Git server".
struct LandedTags: Sendable {
  /// In the remote.
  var made: [CreatedTag] = []
  /// Gone from there.
  var deleted: [DeletedTag] = []

  var isEmpty: Bool { made.isEmpty && deleted.isEmpty }

  /// The full names of the refs.
  var refs: Set<BytewiseString> {
    Set((made.map(\.ref) + deleted.map(\.ref)).map { BytewiseString("refs/tags/\($0)") })
  }

  /// Both, each tag once.
  static func + (left: LandedTags, right: LandedTags) -> LandedTags {
    LandedTags(
      made: left.made + right.made.filter { !left.made.contains($0) },
      deleted: left.deleted + right.deleted.filter { !left.deleted.contains($0) })
  }

  /// Without what somebody has deleted or changed since.
  func still(in state: RegistryState) -> LandedTags {
    let made = made.filter { tag in
      (try? state.check(ref: tag.ref))?.event.objectID.description == tag.objectID
    }
    return LandedTags(made: made, deleted: deleted)
  }

  /// The version that was registered, where one was.
  var registration: CreatedTag? { made.last { $0.event == EventKind.registration.rawValue } }
}

extension [Intent] {
  /// Those that a push has carried out, or found done.
  func landed(in results: [PushedTag]) -> LandedTags {
    let done = filter { intent in
      results.contains { result in
        [.accepted, .alreadyThere].contains(result.outcome)
          && "refs/tags/\(result.name)".utf8.elementsEqual(intent.ref.utf8)
      }
    }
    return LandedTags(
      made: done.compactMap(CreatedTag.init), deleted: done.filter { $0.object == nil }.map(DeletedTag.init))
  }
}

extension CreatedTag {
  /// A tag object begins with the id of its commit (git-mktag(1)). Nil for a deletion.
  init?(_ intent: Intent) {
    let name = String(intent.ref.dropFirst("refs/tags/".count))
    guard let object = intent.object, let event = try? TagName(parsing: name) else { return nil }
    let commit = object.dropFirst("object ".utf8.count).prefix { $0 != UInt8(ascii: "\n") }
    self.init(
      ref: name, objectID: intent.objectID, commit: String(decoding: commit, as: UTF8.self),
      event: event.kind.rawValue)
  }
}

// MARK: In errors

extension WireError {
  /// The same, saying what is done of the job; what it says already stays.
  func with(landed: LandedTags) -> WireError {
    var details = details ?? JSONObject()
    if !landed.made.isEmpty, details["landedTags"] == nil {
      details["landedTags"] = .array(landed.made.map(\.json))
    }
    if !landed.deleted.isEmpty, details["landedDeletions"] == nil {
      details["landedDeletions"] = .array(landed.deleted.map(\.json))
    }
    var copy = self
    copy.details = details.members.isEmpty ? nil : details
    return copy
  }
}

extension JobError {
  var landed: LandedTags {
    let details = wireError.details
    return LandedTags(
      made: (details?["landedTags"]?.arrayValue ?? []).compactMap(CreatedTag.init(json:)),
      deleted: (details?["landedDeletions"]?.arrayValue ?? []).compactMap(DeletedTag.init(json:)))
  }
}

extension Job {
  /// What earlier attempts have done.
  var landed: LandedTags { lastError?.landed ?? LandedTags() }
}
