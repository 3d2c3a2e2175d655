internal import LaneProtocol
internal import Registry
internal import StrictJSON
internal import WireProtocol

extension ClientHandler {
  /// Adds what `signed` asks of `show` and `history`. Of all reads only they and `doctor` wait for the lane.
  func addSignatures(
    to answer: inout JSONObject, _ query: ReadQuery, _ snapshot: RegistrySnapshot, _ repository: Repository,
    _ isVisible: (ArtifactName) -> Bool
  ) async throws(WireError) {
    guard query.signed else { return }
    let rows = query.signedRows(snapshot, isVisible, answer["value"]?.rowCount ?? 0)
    let tags = Array(Set(rows.flatMap(\.events).map(TagToVerify.init)))
    let verdicts = try await repository.verdicts(on: tags)
    answer["value"] = answer["value"]?.adding(rows.map { $0.json(verdicts) })
  }

  /// Of `doctor`: the tags that lack a good signature where the repository requires one.
  func signatureFindings(
    _ query: ReadQuery, _ snapshot: RegistrySnapshot, _ repository: Repository,
    _ isVisible: (ArtifactName) -> Bool
  ) async throws(WireError) -> [JSONValue] {
    guard query.method == .doctor else { return [] }
    let configuration = await repository.configuration
    let isDemanded: (Event) -> Bool =
      configuration.signing?.required ?? false
      ? { _ in true } : worker.policy.demandsSignature(configuration.id)
    let events = snapshot.state.history(ascending: true).filtered(isVisible).entries.map(\.event)
      .filter(isDemanded)
    return events.isEmpty ? [] : try await repository.signatureFindings(events)
  }
}

/// The tags that one row of an answer rests upon.
private enum SignedRow {
  case event(Event)
  /// A version's registration, and the assignments by which it holds stages or, in the registry's table, by
  /// which stages are held.
  case version(Event?, stages: [(stage: StageName, event: Event)])

  var events: [Event] {
    switch self {
    case .event(let event): [event]
    case .version(let event, let stages): [event].compactMap { $0 } + stages.map(\.event)
    }
  }

  /// What the row's `signed` says.
  func json(_ verdicts: [String: TagVerdict]) -> JSONValue {
    func verdict(_ event: Event) -> JSONValue {
      (verdicts[event.ref]?.jsonValue).map { .object($0) } ?? .null
    }
    switch self {
    case .event(let event): return verdict(event)
    case .version(let event, let stages):
      let members = stages.map { (key: $0.stage.text, value: verdict($0.event)) }
      return ["version": event.map(verdict) ?? .null, "stage": .object(JSONObject(members))]
    }
  }
}

extension ReadQuery {
  /// In the order of the answer's rows.
  ///
  /// - Parameter count: how many rows the answer has.
  fileprivate func signedRows(
    _ snapshot: RegistrySnapshot, _ isVisible: (ArtifactName) -> Bool, _ count: Int
  ) -> [SignedRow] {
    func shown<Row: PageRow>(_ rows: [Row]) -> ArraySlice<Row> {
      rows.dropFirst(page.start(in: rows)).prefix(count)
    }
    if method == .history {
      let artifact = name.flatMap { try? ArtifactName($0) }
      let entries = snapshot.state.history(of: artifact, ascending: ascending).filtered(isVisible).entries
      return shown(entries).map { .event($0.event) }
    }
    if let name {
      let reference = try? ArtifactReference(name)
      let rows = reference.flatMap { try? snapshot.state.summary(of: $0, options) }?.versions ?? []
      return shown(rows).map { .version($0.version.registrations.last, stages: $0.assignments) }
    }
    let summary = snapshot.state.summary(
      options, allowedStages: snapshot.facts.allowedStages, isVisible: isVisible)
    return shown(summary.artifacts).map { row in
      let rows = (try? snapshot.state.summary(of: ArtifactReference(artifact: row.name), options))?.versions
      let latest = rows?.first { $0.version.label == row.latestVersion }
      return .version(
        latest?.version.registrations.last, stages: (rows ?? []).flatMap(\.assignments).firstOfEachStage)
    }
  }
}

extension ArtifactSummary.Row {
  /// By which the version holds its stages.
  fileprivate var assignments: [(stage: StageName, event: Event)] {
    stages.compactMap { history in history.assignments.last.map { (history.stage, $0) } }
  }
}

extension [(stage: StageName, event: Event)] {
  /// Of several holders of a stage, which only `versionsPerStage` brings about, the newest.
  fileprivate var firstOfEachStage: Self {
    var newest: Self = []
    for entry in self {
      if let index = newest.firstIndex(where: { $0.stage == entry.stage }) {
        if newest[index].event.order < entry.event.order { newest[index] = entry }
      } else {
        newest.append(entry)
      }
    }
    return newest
  }
}

extension JSONValue {
  /// An answer's value with `signed` in each row. The rows are those of the value, in its order.
  fileprivate func adding(_ signed: [JSONValue]) -> JSONValue {
    func row(_ value: JSONValue, _ signed: JSONValue) -> JSONValue {
      guard var object = value.objectValue else { return value }
      object["signed"] = signed
      return .object(object)
    }
    switch self {
    case .array(let rows): return .array(zip(rows, signed).map(row))
    case .object(let rows):
      return .object(JSONObject(zip(rows.members, signed).map { (key: $0.key, value: row($0.value, $1)) }))
    default: return self
    }
  }
}

// MARK: Doctor

extension Repository {
  /// What `doctor` says of tags that lack a good signature.
  fileprivate func signatureFindings(_ events: [Event]) async throws(WireError) -> [JSONValue] {
    let verdicts: [String: TagVerdict]
    do throws(WireError) {
      verdicts = try await self.verdicts(on: events.map(TagToVerify.init))
    } catch {
      guard error.category == .unavailable else { throw error }
      return [Self.finding(error.code.rawValue, nil, error.message, "mend the file that verification names")]
    }
    let bad = events.compactMap { verdicts[$0.ref] }.filter { !$0.isGood }
    let isUnconfigured = bad.contains { $0.code == .notConfigured }
    return bad.filter { $0.code != .notConfigured }.map(\.finding)
      + (isUnconfigured ? [Self.unconfigured] : [])
  }

  private static let unconfigured = finding(
    "verification_not_configured", nil, "signatures are required, and nothing says whose count",
    "name allowedSignersFile or caFile under the repository's verification")

  static func finding(_ code: String, _ ref: String?, _ message: String, _ advice: String) -> JSONValue {
    [
      "code": .string(code), "ref": ref.map { .string($0) } ?? .null,
      "refs": .array([ref].compactMap { $0 }.map { .string($0) }), "message": .string(message),
      "advice": .string(advice),
    ]
  }
}

extension TagVerdict {
  fileprivate var finding: JSONValue {
    code == .unsigned
      ? Repository.finding(
        "unsigned_tag", ref, message, "find out who made it; the same promotion by this worker is signed")
      : Repository.finding(
        "bad_signature", ref, "\(message) (\(code.rawValue))",
        "find out who made it, and whether the verification's files are complete")
  }
}
