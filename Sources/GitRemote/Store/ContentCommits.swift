internal import SystemCalls

/// Which commits' files are in the mirror, so that the next download can build on them.
extension RemoteRepository {
  private var contentsFile: String { "\(configuration.mirrorDirectory)/contents.git/stagekeeper-commits" }

  static let rememberedContents = 16

  /// The latest of them, oldest first.
  var contentCommits: [ObjectID] {
    let text = (try? Files.read(contentsFile, limit: 1 << 20)) ?? []
    return String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap { ObjectID(hex: $0) }
      .filter { contents.contains($0) }
  }

  func rememberContents(_ commit: ObjectID) throws(GitRemoteError) {
    let kept = contentCommits.filter { $0 != commit }.suffix(Self.rememberedContents - 1) + [commit]
    do throws(SystemCallError) {
      try Files.replace(contentsFile, with: Array(kept.map { "\($0)\n" }.joined().utf8))
    } catch {
      throw GitRemoteError("store a commit's files", error).ofMirror
    }
  }
}
