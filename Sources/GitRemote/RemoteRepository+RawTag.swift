extension RemoteRepository {
  /// All bytes of a tag object that ``fetchTags()`` or ``writeTag(_:)`` brought here, as its signature covers
  /// them; nil where it is not here or is no tag.
  ///
  /// - Throws: ``GitRemoteError/Code/tooLarge`` where it exceeds the limit for whole tags.
  public func readTagContent(_ id: ObjectID) throws(GitRemoteError) -> [UInt8]? {
    guard let object = try contents.read(id, limit: configuration.limits.wholeTag), object.kind == .tag else {
      return nil
    }
    return object.content
  }
}
