internal import LaneProtocol
internal import Registry
internal import StrictJSON
internal import WireProtocol

/// What reads show besides the tags: the commits that versions point at, and what the repository's files say
/// there. None of it is needed for a promotion, so that it is fetched when nobody waits for one, or when a
/// read asks for it.
extension Repository {
  /// How many commits are asked for at once, so that a push never waits for long.
  private static let commitsPerRequest = 500
  private static let annotationsPerRequest = 20

  /// Fetches what is known to be missing of commits and, of the default branch, annotations. Assumes the
  /// caller has the turn.
  func enrich() async throws(WireError) {
    let missing = Array(
      state.commitsWithoutRecord.union([facts.tip].compactMap { $0 }).filter(isCommitMissing))
    for part in missing.parts(of: Self.commitsPerRequest) {
      let value = try await ask(.commits(part))
      let records = try decode(value) { value throws(JSONShapeError) in
        var reader = try ObjectReader(value, path: "commits")
        return try reader.elements("commits") { value, path throws(JSONShapeError) in
          try CommitRecord(value, path: path)
        }
      }
      for record in records { state.insert(record) }
      unreadableCommits.formUnion(Set(part).subtracting(records.map(\.id)))
    }
    if let tip = facts.tip { try await annotate([tip]) }
  }

  private func isCommitMissing(_ commit: ObjectID) -> Bool {
    !state.hasRecord(of: commit) && !unreadableCommits.contains(commit)
  }

  /// Reads the repository's files at commits where they were not read yet. Assumes the caller has the turn.
  func annotate(_ commits: [ObjectID]) async throws(WireError) {
    let missing = commits.filter { !annotatedCommits.contains($0) }
    for part in missing.parts(of: Self.annotationsPerRequest) {
      let value = try await ask(.annotations(part))
      let annotations = try decode(value) { value throws(JSONShapeError) in
        var reader = try ObjectReader(value, path: "annotations")
        return try reader.elements("annotations", CommitAnnotations.init)
      }
      for annotation in annotations {
        state.setAnnotations(annotation.artifacts.map { ($0.name, $0.annotation) }, at: annotation.commit)
        annotatedCommits.insert(annotation.commit)
        fileProblems[annotation.commit] = annotation.problems.isEmpty ? nil : annotation.problems
      }
    }
  }

  /// What is known of the remote, with the annotations at the commits that the question is about.
  func snapshot(
    fresh: Bool, annotating commits: (RegistryState) -> [ObjectID]
  ) async throws(WireError) -> RegistrySnapshot {
    let snapshot = try await snapshot(fresh: fresh)
    if commits(snapshot.state).allSatisfy(annotatedCommits.contains) { return snapshot }
    await takeTurn()
    defer { passTurn() }
    try await annotate(commits(state))
    await endIdleLaneLater()
    return try await self.snapshot(fresh: false)
  }
}

extension Array {
  /// Consecutive parts with at most so many elements.
  fileprivate func parts(of size: Int) -> [[Element]] {
    stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
  }
}
