/// The part of an answer that comes over three channels (gitprotocol-pack, "Packfile Data").
struct Sideband {
  /// What the server said to people meanwhile, as it came, bounded.
  private(set) var words: [UInt8] = []
  private let reader: PacketReader
  private let operation: String
  private let wordsLimit: Int

  init(_ reader: PacketReader, operation: String, wordsLimit: Int) {
    self.reader = reader
    self.operation = operation
    self.wordsLimit = wordsLimit
  }

  /// Reads the next piece of channel 1; nil at the end of the answer.
  ///
  /// - Throws: what the server says on channel 3, its fatal errors.
  mutating func next() throws(GitRemoteError) -> UnsafeRawBufferPointer? {
    while true {
      guard let packet = try reader.nextOrEnd(), case .data(let data) = packet else { return nil }
      if let piece = try take(data) { return piece }
    }
  }

  /// Reads to the end of the answer, or until the conversation fails; keeps the words alone.
  mutating func skipRest() {
    while (try? next()) != nil {}
  }

  /// Takes one packet.
  mutating func take(_ packet: UnsafeRawBufferPointer) throws(GitRemoteError) -> UnsafeRawBufferPointer? {
    guard let channel = packet.first else { return nil }
    let content = UnsafeRawBufferPointer(rebasing: packet.dropFirst())
    switch channel {
    case 1: return content
    case 2:
      words += content.prefix(max(0, wordsLimit - words.count))
      return nil
    case 3:
      let said = ServerText.sanitized(content)
      throw GitRemoteError(
        ServerRefusal.code(for: said), operation, said.isEmpty ? "the server gave up" : said)
    default:
      if let error = ServerRefusal.error(in: packet, operation) { throw error }
      throw reader.violation("a packet on channel \(channel)")
    }
  }
}
