internal import SystemCalls
internal import WireProtocol

/// How long a look at the remote's HEAD counts.
///
/// A push shows which tags and branches have changed, and nothing of HEAD: `git-receive-pack` does not tell it. So
/// where the configuration names no default branch, whoever fetches has to ask which one it is.
enum HeadAge {
  /// In milliseconds: for what is planned at HEAD's tip, and for what only has to obey its `.gto`.
  static let (tip, file): (Int64, Int64) = (1000, 60_000)

  /// Whether HEAD has to be looked at again.
  ///
  /// - Parameters:
  ///   - contactedAt: when that was done last, in milliseconds since 1970 as `now`. A clock may have been set since.
  static func isOver(_ contactedAt: Int64?, now: Int64, restsOnTip: Bool) -> Bool {
    guard let contactedAt else { return true }
    return !(0...(restsOnTip ? tip : file)).contains(now - contactedAt)
  }
}

extension Repository {
  /// Brings a lane up to date that is new, or that looked at the remote's HEAD too long ago for what is to be planned.
  ///
  /// - Returns: whether it did.
  func synchronizeIfOld(for promotions: [Promotion]) async throws(WireError) -> Bool {
    if try await synchronizeIfNew() { return true }
    let restsOnTip = promotions.contains { $0.request.restsOnHead }
    guard configuration.defaultBranch == nil,
      HeadAge.isOver(contactedAt, now: WallClock.milliseconds, restsOnTip: restsOnTip)
    else { return false }
    try await synchronize()
    return true
  }
}

extension WireProtocol.WriteRequest {
  /// Whether it is about the commit that HEAD leads to.
  fileprivate var restsOnHead: Bool { ref.map { $0 == "HEAD" || $0 == "@" } ?? meansTip }

  /// Whether it is about the tip of the default branch because it names no ref.
  var meansTip: Bool { ref == nil && (action == .register || version == nil && action != .rollback) }
}
