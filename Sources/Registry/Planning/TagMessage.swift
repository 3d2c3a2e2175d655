import StrictJSON

extension Planner {
  /// The message with the trailers after a blank line.
  ///
  /// - Throws: ``Refusal`` where the caller's text would be taken for a signature or for one of our
  ///   trailers, or can't stand in a tag.
  func completeMessage(_ text: String) throws(Refusal) -> String {
    let body = text.trimmedAsPython
    try checkMessage(body)
    let trailers = context.trailers.isEmpty ? "" : "\n" + context.trailers.map { $0 + "\n" }.joined()
    return body + "\n" + trailers
  }

  private func checkMessage(_ body: String) throws(Refusal) {
    if body.utf8.contains(0) { throw Refusal(.invalidMessage, "a tag's message can't hold a NUL byte") }
    let reserved = context.trailers.compactMap(Self.key)
    for line in body.utf8.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
      let line = String(decoding: line, as: UTF8.self)
      if Self.signatureMarks.contains(where: line.utf8.starts) {
        throw Refusal(
          .invalidMessage,
          "the message has a line that starts a signature (\"\(line.escapedForMessage)\"); take it out")
      }
      if let key = Self.key(line), key.hasPrefix("stagekeeper-") || reserved.contains(key) {
        throw Refusal(
          .invalidMessage,
          "the message has a line that starts with \"\(key):\", which is kept for the worker; take it out")
      }
    }
  }

  /// Git looks for a signature at the first line that starts so (gpg-interface.c).
  private static let signatureMarks = [
    "-----BEGIN PGP SIGNATURE-----", "-----BEGIN PGP MESSAGE-----", "-----BEGIN SIGNED MESSAGE-----",
    "-----BEGIN SSH SIGNATURE-----",
  ].map { Array($0.utf8) }

  /// The key of a trailer line in lower case; nil where the line is none.
  private static func key(_ line: String) -> String? {
    guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
    let key = String(line[..<colon]).trimmedAsPython
    let isKey = !key.isEmpty && key.utf8.allSatisfy { $0.isLetterOrDigit || $0 == UInt8(ascii: "-") }
    return isKey ? key.lowercased() : nil
  }
}
