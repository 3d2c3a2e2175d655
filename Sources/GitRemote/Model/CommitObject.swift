/// A commit as it stands in a repository.
public struct CommitObject: Equatable, Sendable {
  public let id: ObjectID
  /// Nil when it is missing or malformed.
  public let author: TagObject.Tagger?
  /// Nil when it is missing or malformed.
  public let committer: TagObject.Tagger?
  /// All after the headers.
  public let message: [UInt8]
  /// What the object says of its texts; the message may be of any all the same.
  public let encoding: TextEncoding

  /// Reads the content of a commit object. Source: Git's `parse_commit_buffer`, but more tolerant.
  init(id: ObjectID, content: [UInt8]) {
    self.id = id
    let headers = ObjectHeaders(content)
    let encoding = TextEncoding(header: headers["encoding"])
    self.encoding = encoding
    author = headers["author"].flatMap { TagObject.parseTagger($0, encoding) }
    committer = headers["committer"].flatMap { TagObject.parseTagger($0, encoding) }
    message = headers.body
  }
}

/// The headers of a tag or commit object: `key value` lines up to the first empty one. Of two headers with
/// one key the first counts; continuation lines are passed over.
struct ObjectHeaders {
  private var values: [String: ArraySlice<UInt8>] = [:]
  /// All after the empty line.
  let body: [UInt8]

  init(_ content: [UInt8]) {
    var rest = content[...]
    while let end = rest.firstIndex(of: 0x0a) {
      let line = rest[..<end]
      rest = rest[(end + 1)...]
      if line.isEmpty { break }
      guard let space = line.firstIndex(of: 0x20), space > line.startIndex else { continue }
      let key = String(decoding: line[..<space], as: UTF8.self)
      if values[key] == nil { values[key] = line[(space + 1)...] }
    }
    body = Array(rest)
  }

  subscript(key: String) -> ArraySlice<UInt8>? { values[key] }
}

extension RemoteRepository {
  /// Reads commits, which are downloaded with the history of all branches and tags where they are not here.
  ///
  /// - Returns: those that are commits, in the remote and not too large, in the order asked for.
  public func readCommits(_ ids: [ObjectID]) throws(GitRemoteError) -> [CommitObject] {
    if ids.contains(where: { !history.contains($0) }) { _ = try fetchHistory() }
    var commits: [CommitObject] = []
    for id in ids {
      guard let content = try content(ofCommit: id) else { continue }
      commits.append(CommitObject(id: id, content: content))
    }
    return commits
  }

  /// What is kept of it; nil where it is no commit, not here or too large.
  private func content(ofCommit id: ObjectID) throws(GitRemoteError) -> [UInt8]? {
    let limits = configuration.limits
    do throws(GitRemoteError) {
      guard let object = try history.objects.read(id, limit: limits.wholeTag, kept: limits.tag) else {
        return nil
      }
      return object.kind == .commit ? object.content : nil
    } catch {
      guard error.code == .tooLarge else { throw error }
      return nil
    }
  }
}
