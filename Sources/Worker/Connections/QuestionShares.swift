internal import Synchronization
internal import WireProtocol

/// Lets each caller have a few questions about one repository computed at a time, and the others wait for their turn
/// without taking anybody's: what one caller asks, however often, takes the processors from others for a few answers.
final class QuestionShares: Sendable {
  /// Whose, and about what.
  struct Topic: Hashable, Sendable {
    let who: Principal
    /// Nil: about no single one.
    let repository: String?
  }

  private struct Line {
    var running = 0
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  /// How many are computed at a time.
  private let limit: Int
  /// Of those who have questions now.
  private let lines = Mutex<[Topic: Line]>([:])

  init(limit: Int = 2) { self.limit = limit }

  /// Computes an answer when its turn has come.
  ///
  /// - Throws: besides what `body` does, `shutting_down` where nobody waits for the answer any more.
  func answer<Answer>(
    _ topic: Topic, _ body: () async throws(WireError) -> Answer
  ) async throws(WireError) -> Answer {
    await enter(topic)
    defer { leave(topic) }
    // The client may have gone while this waited.
    if Task.isCancelled { throw WireError(.shuttingDown, category: .retry, "the connection was closed") }
    return try await body()
  }

  private func enter(_ topic: Topic) async {
    await withCheckedContinuation { continuation in
      let isFree = lines.withLock { lines in
        if lines[topic, default: Line()].running < limit {
          lines[topic, default: Line()].running += 1
          return true
        }
        lines[topic]?.waiting.append(continuation)
        return false
      }
      if isFree { continuation.resume() }
    }
  }

  private func leave(_ topic: Topic) {
    let next = lines.withLock { lines -> CheckedContinuation<Void, Never>? in
      guard var line = lines[topic] else { return nil }
      let next = line.waiting.isEmpty ? nil : line.waiting.removeFirst()
      if next == nil { line.running -= 1 }
      lines[topic] = line.running > 0 ? line : nil
      return next
    }
    next?.resume()
  }
}
