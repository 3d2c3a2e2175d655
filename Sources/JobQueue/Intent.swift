/// A change of one tag that a job is about to push: journalled before the push, and pushed exactly like this until
/// the remote shows it done, refuses it in words, or shows the ref at another object.
public struct Intent: Hashable, Sendable {
  /// The full name, such as `refs/tags/churn@v1.0.0`.
  public let ref: String
  /// Of the tag object to be there, or of the one to be taken away; hexadecimal.
  public let objectID: String
  /// The tag object's raw bytes, so that a signed tag is signed once; nil: the ref is to be deleted.
  public let object: [UInt8]?

  public init(ref: String, objectID: String, object: [UInt8]?) {
    self.ref = ref
    self.objectID = objectID
    self.object = object
  }
}
