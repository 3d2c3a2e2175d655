@testable import GitRemote

extension FuzzTarget {
  /// What the ssh that holds a shared connection says is understood the same however it arrives, and the end is final.
  static let multiplexing = FuzzTarget("multiplexing") { input in
    let choices = Choices(input)
    let whole = messages([choices.content])
    let pieces = messages(Pieces(choices.content, seed: choices.bits))
    try check(whole == pieces, "messages depend on how they arrive: \(whole), \(pieces)")
    try check(whole.count <= choices.content.count / 4 + 1, "\(whole.count) messages")
  }

  private static func messages(_ pieces: some Sequence<[UInt8]>) -> [MultiplexingMessage] {
    var (reader, messages) = (MultiplexingReader(), [MultiplexingMessage]())
    for piece in pieces {
      reader.append(piece)
      while messages.last != .end, let message = reader.next() { messages.append(message) }
    }
    return messages
  }
}
