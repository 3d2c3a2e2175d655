package import StrictJSON
internal import SystemCalls

/// Standard output for the answer, standard error for everything else.
package struct Console: Sendable {
  package let outputIsTerminal: Bool
  package let errorIsTerminal: Bool
  /// Whether a line on standard error can be written anew: a terminal that knows escape sequences.
  package let rewritesLines: Bool
  /// Whether colours are wanted on standard error: a terminal that can, and no `NO_COLOR`.
  package let colored: Bool

  package init() {
    outputIsTerminal = ThisProcess.isTerminal(1)
    errorIsTerminal = ThisProcess.isTerminal(2)
    let plain = !(ThisProcess.environment("NO_COLOR") ?? "").isEmpty
    rewritesLines = errorIsTerminal && ThisProcess.environment("TERM") != "dumb"
    colored = rewritesLines && !plain
  }

  /// Prints lines of an answer. Control characters in them must be escaped already.
  package func print(_ text: String) throws(OutputError) { try write(text + "\n", to: 1) }

  /// Prints an answer for programs, in GTO's layout: four spaces, ASCII only.
  package func print(json value: JSONValue) throws(OutputError) { try print(value.asciiText(indentation: 4)) }

  /// Says something beside the answer.
  package func note(_ text: String) { try? write(text + "\n", to: 2) }

  /// Writes to standard error without a line's end: for a line that will be written anew.
  package func progress(_ text: String) { try? write(text, to: 2) }

  private func write(_ text: String, to number: Int32) throws(OutputError) {
    let descriptor = FileDescriptor(takingOwnership: number)
    do throws(SystemCallError) {
      try descriptor.writeAll(text.utf8)
      _ = descriptor.release()
    } catch {
      _ = descriptor.release()
      throw OutputError(error)
    }
  }
}

/// The answer could not be written.
package struct OutputError: Error, Sendable {
  /// Nobody reads any more: the reader of a pipe has ended.
  package let isClosedPipe: Bool
  package let message: String

  init(_ error: SystemCallError) {
    isClosedPipe = error.errno == .brokenPipe
    message = "cannot write the answer: \(error.errno)"
  }
}
