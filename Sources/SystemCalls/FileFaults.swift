/// One call on a durable file or directory.
public struct FileCall: Equatable, Sendable {
  public enum Kind: String, CaseIterable, Sendable {
    case open, lock, read, write, sync, reserve, clear, truncate, rename, remove, syncDirectory
  }

  public let kind: Kind
  /// The file or directory; of a rename, the old name.
  public let path: String
  /// The new name of a rename.
  public let target: String?
  /// Of a write or a clearing: where, in bytes from the start. Of a truncation: the new length.
  public let offset: Int64
  /// Of a write, a clearing or a reservation: how many bytes.
  public let count: Int
  /// Of an open: the file is made.
  public let creates: Bool

  init(
    _ kind: Kind, _ path: String, target: String? = nil, offset: Int64 = 0, count: Int = 0,
    creates: Bool = false
  ) {
    self.kind = kind
    self.path = path
    self.target = target
    self.offset = offset
    self.count = count
    self.creates = creates
  }
}

/// What is done in place of a call.
public enum FaultVerdict: Equatable, Sendable {
  /// The call itself.
  case proceed
  /// Nothing, and it fails with this.
  case fail(Errno)
  /// A write of at most that many bytes.
  case limit(Int)
}

/// Decides what happens to each call on the durable files of one ``DurableDirectory``: the seam at which
/// tests let calls fail and stop. Production has none, and pays one comparison with nil a call.
public protocol FileFaults: AnyObject, Sendable {
  func verdict(on call: FileCall) -> FaultVerdict
  /// The call was made and succeeded.
  ///
  /// - Parameter result: what it returned, such as the number of bytes written.
  func succeeded(_ call: FileCall, result: Int)
}
