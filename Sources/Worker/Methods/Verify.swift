internal import LaneProtocol
internal import Registry
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

/// The parameters of `verify`. Source: proto-spec/protocol.md, "Signatures".
private struct VerifyQuery {
  /// What is to be verified.
  enum Subject {
    /// A tag, without `refs/tags/`.
    case ref(String)
    /// The tag that put the version there that a reference means.
    case reference(ArtifactReference)
  }

  let repository: String
  let fresh: Bool
  let subject: Subject

  init(_ reader: inout ObjectReader) throws(JSONShapeError) {
    repository = try reader.string("repository")
    fresh = try reader.optionalBool("fresh") ?? false
    let ref = try reader.optionalString("ref")
    guard let name = try reader.optionalString("name") else {
      guard let ref else { throw reader.error("ref", "is missing: give it or name") }
      subject = .ref(ref.hasPrefix("refs/tags/") ? String(ref.dropFirst("refs/tags/".count)) : ref)
      return
    }
    if ref != nil { throw reader.error("name", "does not go with ref: give one of them") }
    let reference: ArtifactReference
    do throws(InvalidName) {
      reference = try ArtifactReference(name)
    } catch {
      throw reader.error("name", "\(error)")
    }
    if reference.selection == .all {
      throw reader.error("name", "names no tag: expected NAME#STAGE, NAME@VERSION or NAME@latest")
    }
    subject = .reference(reference)
  }

  var artifact: String? {
    switch subject {
    case .ref(let ref): (try? TagName(parsing: ref))?.artifact.text
    case .reference(let reference): reference.artifact.text
    }
  }
}

extension ClientHandler {
  /// `verify`: who signed a tag, when, and whether that is somebody trusted.
  func verify(_ params: JSONValue, _ peer: Peer) async throws(WireError) -> JSONValue {
    let query = try readParameters(params) { reader throws(JSONShapeError) in try VerifyQuery(&reader) }
    let access = Access(.read, repository: query.repository, artifact: query.artifact)
    let (repository, _) = try worker.authorize(access, for: peer)
    var snapshot = try await repository.snapshot(fresh: query.fresh)
    if (try? snapshot.state.tag(for: query.subject))?.1 == nil, !snapshot.isAsGoodAsNew {
      // Where the server can't be asked, what is known has to do.
      snapshot = (try? await repository.snapshot(fresh: true)) ?? snapshot
    }
    let (tag, event) = try snapshot.state.tag(for: query.subject)
    guard let verdict = try await repository.verdicts(on: [tag])[tag.ref] else {
      throw WireError(
        .unknownRef, category: .refused, "the remote has no tag \"\(tag.ref.escapedForMessage)\"")
    }
    var value = verdict.jsonValue
    let everywhere = await repository.configuration.signing?.required ?? false
    value["required"] = .bool(
      everywhere || event.map(worker.policy.demandsSignature(query.repository)) ?? false)
    value["event"] = event.map { .string($0.kind.rawValue) }
    value["artifact"] = event.map { .string($0.artifact.text) }
    value["commit"] = event.map { .string($0.commit.description) }
    return ["value": .object(value), "asOf": .string(timestamp(milliseconds: snapshot.asOf))]
  }
}

extension RegistryState {
  /// - Throws: `unknown_artifact`, or `unknown_ref` where no tag says what the reference means.
  fileprivate func tag(for subject: VerifyQuery.Subject) throws(WireError) -> (TagToVerify, Event?) {
    switch subject {
    case .ref(let ref):
      let event = event(ofRef: ref)
      return (TagToVerify(ref: ref, objectID: event?.objectID), event)
    case .reference(let reference):
      guard let event = try tagEvent(of: reference) else {
        throw WireError(.unknownRef, category: .refused, "no tag stands for '\(reference)'")
      }
      return (TagToVerify(event), event)
    }
  }

  /// Nil where the ref is none of GTO's, or its tag object calls itself by another artifact.
  private func event(ofRef ref: String) -> Event? {
    guard let name = try? TagName(parsing: ref) else { return nil }
    return artifact(name.artifact)?.events.first { $0.ref.utf8.elementsEqual(ref.utf8) }
  }

  /// The assignment by which a stage is held, or the registration of a version.
  private func tagEvent(of reference: ArtifactReference) throws(WireError) -> Event? {
    do throws(ReadError) {
      guard let row = try summary(of: reference).versions.first else { return nil }
      guard case .stage(let stage) = reference.selection else { return row.version.registrations.last }
      return row.stages.first { $0.stage == stage }?.assignments.last
    } catch {
      throw WireError(.unknownArtifact, category: .refused, "\(error)")
    }
  }
}

extension TagToVerify {
  init(_ event: Event) { self.init(ref: event.ref, objectID: event.objectID) }
}

extension TagVerdict {
  /// As `verify` answers it, and rows that were asked with `signed`.
  var jsonValue: JSONObject {
    var object = JSONObject([
      ("ref", .string(ref)), ("verdict", .string(code.rawValue)), ("message", .string(message)),
    ])
    object["objectId"] = objectID.map { .string($0.description) }
    object["format"] = format.map { .string($0) }
    object["identity"] = identity.map { .string($0) }
    object["keyFingerprint"] = keyFingerprint.map { .string($0) }
    object["certificateFingerprint"] = certificateFingerprint.map { .string($0) }
    // A tag may name any number; times in replies have years of four digits.
    object["taggerTime"] = taggerTime.flatMap { seconds in
      (0...253_402_300_799).contains(seconds) ? .string(timestamp(milliseconds: seconds * 1000)) : nil
    }
    return object
  }
}
