internal import LaneProtocol
internal import Registry
internal import StrictJSON
internal import WireProtocol

extension Repository {
  /// How many tags one question to the lane is about, so that a push never waits for long.
  private static let tagsPerQuestion = 500

  /// Has the lane judge signatures.
  ///
  /// - Returns: by ref; without those that the remote does not have.
  /// - Throws: an error with the code `verification_files` where nothing can be judged.
  func verdicts(on tags: [TagToVerify]) async throws(WireError) -> [String: TagVerdict] {
    var verdicts: [String: TagVerdict] = [:]
    for start in stride(from: 0, to: tags.count, by: Self.tagsPerQuestion) {
      let part = Array(tags[start..<min(start + Self.tagsPerQuestion, tags.count)])
      for verdict in try await judge(part) where verdict.code != .noSuchRef {
        verdicts[verdict.ref] = verdict
      }
    }
    return verdicts
  }

  private func judge(_ tags: [TagToVerify]) async throws(WireError) -> [TagVerdict] {
    try await withTurn { () throws(WireError) in
      let verdicts = try await self.askForVerdicts(tags)
      if !verdicts.contains(where: { $0.code == .missing }) { return verdicts }
      // The mirror is behind what this worker knows: a lane that was killed, or one that is new.
      try await self.synchronize()
      return try await self.askForVerdicts(tags)
    }
  }

  /// Assumes the caller has the turn.
  func askForVerdicts(_ tags: [TagToVerify]) async throws(WireError) -> [TagVerdict] {
    let answer = try await ask(.verify(tags))
    forgetKeyProblems("verification_files")
    return try decode(answer) { value throws(JSONShapeError) in try [TagVerdict](value) }
  }

  /// The public half of the signing key as text.
  func exportSigningKey(_ form: SigningKeyForm) async throws(WireError) -> String {
    let answer = try await withTurn { () throws(WireError) in try await self.ask(.exportSigningKey(form)) }
    return answer["text"]?.stringValue ?? ""
  }
}
