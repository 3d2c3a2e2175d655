extension Planner {
  /// The message with the trailers after a blank line, as Git's `interpret-trailers` reads them.
  ///
  /// - Throws: ``Refusal`` where ``MessageRules`` forbid the caller's text.
  func completeMessage(_ text: String) throws(Refusal) -> String {
    let keys = context.trailers.compactMap { $0.split(separator: ":").first?.lowercased() }
    try MessageRules.check(text, reserved: Set(keys))
    let trailers = context.trailers.isEmpty ? "" : "\n" + context.trailers.map { $0 + "\n" }.joined()
    return text.trimmedAsPython + "\n" + trailers
  }
}
