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
  /// At first, and at most: as long as it goes well, the next part is twice as large.
  static let annotationsPerRequest = (first: 50, most: 400)

  /// Fetches what is known to be missing of commits and, of the default branch, annotations. Assumes the
  /// caller has the turn.
  func enrich() async throws(WireError) {
    let missing = Array(
      state.commitsWithoutRecord.union([facts.tip].compactMap { $0 }).filter(isCommitMissing))
    try await inParts(missing, of: Self.commitsPerRequest) { part throws(WireError) in
      let value = try await self.ask(.commits(Array(part)))
      let (records, rest) = try self.decode(value) { value throws(JSONShapeError) in
        var reader = try ObjectReader(value, path: "commits")
        let records = try reader.elements("commits") { value, path throws(JSONShapeError) in
          try CommitRecord(value, path: path)
        }
        return (records, Int(try reader.integer("rest", in: 0...Int64(part.count))))
      }
      for record in records { self.state.insert(record) }
      self.unreadableCommits.formUnion(Set(part.dropLast(rest)).subtracting(records.map(\.id)))
      return rest
    }
    if let tip = facts.tip, !annotatedCommits.contains(tip) {
      try await annotate([tip])
      // Until it is the tip no more.
      oneOffCommits.append(tip)
      forgetOneOffs()
    }
    isEnriched = true
  }

  private func isCommitMissing(_ commit: ObjectID) -> Bool {
    !state.hasRecord(of: commit) && !unreadableCommits.contains(commit)
  }

  /// Reads the repository's files at commits where they were not read yet. Assumes the caller has the turn.
  func annotate(_ commits: [ObjectID]) async throws(WireError) {
    let missing = commits.filter { !annotatedCommits.contains($0) }
    try await inParts(missing, of: Self.annotationsPerRequest.most) { part throws(WireError) in
      let value = try await self.ask(.annotations(Array(part)))
      let (annotations, rest) = try self.decode(value) { value throws(JSONShapeError) in
        var reader = try ObjectReader(value, path: "annotations")
        let annotations = try reader.elements("annotations", CommitAnnotations.init)
        return (annotations, Int(try reader.integer("rest", in: 0...Int64(part.count))))
      }
      for annotation in annotations { self.note(annotation) }
      return rest
    }
  }

  /// The same, where it may be too much for the time that the server has: then the next part is smaller.
  private func annotateInTime(_ commits: [ObjectID]) async throws(WireError) {
    do throws(WireError) {
      try await annotate(commits)
      annotationsAtOnce = min(2 * annotationsAtOnce, Self.annotationsPerRequest.most)
    } catch {
      guard error.code == .remoteTimeout, commits.count > 1 else { throw error }
      annotationsAtOnce = max(1, commits.count / 8)
    }
  }

  private func note(_ annotation: CommitAnnotations) {
    state.setAnnotations(annotation.artifacts.map { ($0.name, $0.annotation) }, at: annotation.commit)
    annotatedCommits.insert(annotation.commit)
    fileProblems[annotation.commit] = annotation.problems.isEmpty ? nil : annotation.problems
  }

  /// Asks the lane for a few at a time, and again for those that did not fit into its answer.
  ///
  /// - Parameter ask: gets some of them; returns for how many of the last of these it has no answer.
  private func inParts(
    _ all: [ObjectID], of size: Int, _ ask: (ArraySlice<ObjectID>) async throws(WireError) -> Int
  ) async throws(WireError) {
    var left = all[...]
    while !left.isEmpty {
      let part = left.prefix(size)
      left = left.dropFirst(part.count - min(try await ask(part), part.count - 1))
    }
  }

  /// What is known of the remote, with the annotations at the commits that the question is about.
  ///
  /// - Parameter isOneOff: whether they are of interest to hardly anybody else, so that the annotations are not kept long.
  func snapshot(
    fresh: Bool, isOneOff: Bool = false, annotating commits: (RegistryState) -> [ObjectID]
  ) async throws(WireError) -> RegistrySnapshot {
    var snapshot = try await snapshot(fresh: fresh)
    // Turn by turn, so that no push waits for all of it.
    while !commits(snapshot.state).allSatisfy(annotatedCommits.contains) {
      snapshot = try await withTurn { () throws(WireError) in
        // A reload may have brought another remote meanwhile.
        if self.contactedAt == nil {
          try await self.synchronize()
          try await self.enrich()
        }
        let wanted = commits(self.state).filter { !self.annotatedCommits.contains($0) }
        let part = Array(wanted.prefix(self.annotationsAtOnce))
        if isOneOff { self.oneOffCommits += part }
        try await self.annotateInTime(part)
        defer { self.forgetOneOffs() }
        return self.snapshotNow
      }
      if isOneOff { break }
    }
    return snapshot
  }

  /// How many commits of which somebody asked once are kept.
  private static let oneOffLimit = 16

  private func forgetOneOffs() {
    let old = oneOffCommits.dropLast(Self.oneOffLimit).filter { $0 != facts.tip }
    for commit in old {
      annotatedCommits.remove(commit)
      fileProblems[commit] = nil
      state.setAnnotations([], at: commit)
    }
    oneOffCommits.removeAll { old.contains($0) }
  }
}
