internal import StrictJSON

/// What makes two requests the same: the caller, by the kernel's word and the socket's, the repository and the key.
struct RequestKey: Hashable, Sendable {
  let uid: UInt32
  let fixedTenant: BytewiseString?
  let repository: BytewiseString
  let key: BytewiseString

  /// Nil for a request without a key.
  init?(_ request: JobRequest) {
    guard let key = request.requestKey else { return nil }
    uid = request.requester.uid
    fixedTenant = request.requester.fixedTenant.map { BytewiseString($0) }
    repository = BytewiseString(request.repository)
    self.key = BytewiseString(key)
  }
}

/// A different request under a key that is taken.
public struct RequestKeyConflict: Error, Equatable, Sendable {
  /// The job that has the key.
  public let original: JobID
  /// The first member that differs, as a path such as `stage` or `options.force`.
  public let field: String
}

extension JobRequest {
  /// The first field in which the two ask for something else; nil when they ask for the same. Deadlines
  /// may differ: who asks again gives himself more time.
  func firstDifference(from original: JobRequest) -> String? {
    if let field = body.firstDifference(from: original.body, path: "") { return field }
    return BytewiseString(artifact) == BytewiseString(original.artifact) ? nil : "artifact"
  }
}

extension JSONValue {
  fileprivate func firstDifference(from original: JSONValue, path: String) -> String? {
    if self == original { return nil }
    guard case .object(let mine) = self, case .object(let other) = original else {
      return path.isEmpty ? "body" : path
    }
    for key in other.keys + mine.keys {
      let member = path.isEmpty ? key : "\(path).\(key)"
      guard let left = mine[key], let right = other[key] else {
        if mine[key] == nil, other[key] == nil { continue }
        return member
      }
      if let field = left.firstDifference(from: right, path: member) { return field }
    }
    return path.isEmpty ? "body" : path
  }
}
