package import WireProtocol

/// One line on standard error that says how a job stands, written anew at each change. Where standard error is
/// no terminal, or a dumb one, it says only that people are waited for, who should know.
package struct ProgressLine: Sendable {
  private let console: Console

  package init(_ console: Console) { self.console = console }

  package func show(_ job: JobStatus) {
    guard console.rewritesLines else {
      if job.state == .awaitingApproval { console.note(job.standing.escapedForTerminal) }
      return
    }
    console.progress("\r\u{1b}[K" + job.standing.escapedForTerminal)
  }

  /// Takes the line away.
  package func clear() {
    if console.rewritesLines { console.progress("\r\u{1b}[K") }
  }
}

extension JobStatus {
  /// How the job stands, in a few words.
  package var standing: String {
    var text = "job \(job) is \(state.words)"
    if let approval, state == .awaitingApproval {
      text += " (\(approval.approved) of \(approval.required))"
      if let expiresAt = approval.expiresAt { text += " until \(timestamp(milliseconds: expiresAt))" }
    }
    if let position, state == .queued { text += position == 0 ? ", next in line" : ", \(position) before it" }
    if cancelRequested { text += ", and ends as cancelled unless its tags may have been sent" }
    if attempts > 1 { text += ", attempt \(attempts)" }
    if let nextAttemptAt, state == .waiting {
      text += ", next attempt at \(timestamp(milliseconds: nextAttemptAt))"
    }
    if let error { text += ": \(error.message)" }
    return text
  }
}

extension JobStatus.State {
  /// As it reads in a sentence.
  fileprivate var words: String { rawValue.replacing("_", with: " ") }
}
