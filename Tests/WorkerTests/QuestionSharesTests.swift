import Synchronization
import Testing
import WireProtocol

@testable import Worker

/// How many questions are computed at a time, and how many comparisons with a server they cost.
struct QuestionSharesTests {
  private static func topic(_ uid: UInt32, _ repository: String = "demo") -> QuestionShares.Topic {
    QuestionShares.Topic(who: Principal(uid: uid), repository: repository)
  }

  /// Answers that are not given before the gate is open.
  private final class Gate: Sendable {
    private let begun = Mutex(0)
    private let isOpen = Mutex(false)

    var count: Int { begun.withLock { $0 } }

    func open() { isOpen.withLock { $0 = true } }

    func pass() async {
      begun.withLock { $0 += 1 }
      while !isOpen.withLock({ $0 }) { try? await Task.sleep(for: .milliseconds(1)) }
    }

    func waitFor(_ number: Int) async throws {
      while count < number { try await Task.sleep(for: .milliseconds(1)) }
    }
  }

  private let shares = QuestionShares(limit: 2)
  private let gate = Gate()

  private func ask(_ topic: QuestionShares.Topic) -> Task<Void, any Error> {
    Task { [shares, gate] in
      try await shares.answer(topic) { () throws(WireError) in await gate.pass() }
    }
  }

  @Test("of one caller a few are computed at a time; others do not wait for them")
  func turns() async throws {
    let questions = (0..<20).map { _ in ask(Self.topic(1)) }
    try await gate.waitFor(2)
    // Whoever asks something else has the answer, which the eighteen that wait would keep from coming.
    for topic in [Self.topic(2), Self.topic(1, "other")] {
      #expect(try await shares.answer(topic) { () throws(WireError) in 7 } == 7)
    }
    #expect(gate.count == 2)
    gate.open()
    for question in questions { try await question.value }
    #expect(gate.count == 20)
    // Nobody is left in line.
    #expect(try await shares.answer(Self.topic(1)) { () throws(WireError) in 7 } == 7)
  }

  @Test("a question whose client has gone is not computed, and keeps nobody waiting")
  func cancelled() async throws {
    let first = [ask(Self.topic(1)), ask(Self.topic(1))]
    try await gate.waitFor(2)
    let gone = ask(Self.topic(1))
    gone.cancel()
    gate.open()
    for question in first { try await question.value }
    await #expect(throws: WireError.self) { try await gone.value }
    #expect(gate.count == 2)
    #expect(try await shares.answer(Self.topic(1)) { () throws(WireError) in 7 } == 7)
  }

  @Test("one comparison answers all that were asked before it began, and no later question")
  func comparisons() {
    var comparisons = Comparisons()
    let (first, second) = (comparisons.ask(), comparisons.ask())
    #expect(comparisons.outcome(of: first) == nil)
    let all = comparisons.asked
    let late = comparisons.ask()
    comparisons.end(all, .failure(WireError(.remoteTimeout, category: .retry, "too long")))
    for question in [first, second] {
      guard case .failure(let error)? = comparisons.outcome(of: question) else {
        Issue.record("a comparison that failed is no failure for question \(question)")
        return
      }
      #expect(error.code == .remoteTimeout)
    }
    #expect(comparisons.outcome(of: late) == nil)
    comparisons.end(comparisons.asked, .success(()))
    guard case .success? = comparisons.outcome(of: late) else {
      Issue.record("the comparison after the question does not answer it")
      return
    }
    comparisons.forget()
    #expect(comparisons.outcome(of: late) == nil)
  }
}
