@testable import GitRemote

extension FuzzTarget {
  /// What a Git server says is understood the same however it arrives: its list of refs, and its answer to a
  /// push. Names of refs are such as Git allows, once each and in order.
  ///
  /// With the first bit set each line becomes a packet, and an empty one a flush, so that lengths are right.
  static let advertisement = FuzzTarget("advertisement") { input in
    let choices = Choices(input)
    let stream = choices.bits & 1 == 0 ? choices.content : choices.packets
    let whole = ServerSpeech([stream])
    let pieces = ServerSpeech(Pieces(stream, seed: choices.bits))
    try check(whole == pieces, "what a server says depends on how it arrives: \(whole), \(pieces)")
    let names = whole.refs.refs(under: "").map(\.name)
    for (left, right) in zip(names, names.dropFirst()) {
      try check(left.utf8.lexicographicallyPrecedes(right.utf8), "\(right) stands behind \(left)")
    }
    for name in names {
      try check(Array(name.utf8).withUnsafeBytes(RefName.isAcceptable), "Git allows no ref \(name)")
    }
  }
}

/// How a conversation with a server went that says the same whatever it is asked.
private struct ServerSpeech: Equatable {
  private(set) var refs = RefList()
  private(set) var capabilities: Set<String> = []
  private(set) var unpack: String?
  private(set) var results: [String: String?] = [:]
  private(set) var words: [UInt8] = []
  private(set) var error: GitRemoteError.Code?
  private(set) var isOutcomeUnknown = false

  init(_ pieces: some Sequence<[UInt8]>) {
    var limits = RemoteConfiguration.Limits()
    (limits.advertisement, limits.sidebandText) = (16 << 10, 256)
    do throws(GitRemoteError) {
      let conversation = try Conversation(
        ScriptedConnection(Array(pieces)), operation: "push", limits: limits)
      refs = conversation.advertisement.refs
      capabilities = conversation.advertisement.capabilities
      let answer = try conversation.push([PushedRef(name: "refs/tags/churn@v1.0.0", id: .zero)], pack: [])
      (unpack, results, words) = (answer.unpack, answer.refs, answer.words)
    } catch {
      self.error = error.code
      isOutcomeUnknown = error.outcomeUnknown
    }
  }
}
