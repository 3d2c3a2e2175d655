/// Lets one at a time go on, in the order of arrival. A part of an actor: it is not safe by itself.
struct TurnLine {
  private var isTaken = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  /// Whether the turn was free; it is the caller's then.
  mutating func takeIfFree() -> Bool {
    if isTaken { return false }
    isTaken = true
    return true
  }

  /// Whether somebody waits.
  var isAwaited: Bool { !waiting.isEmpty }

  mutating func wait(_ continuation: CheckedContinuation<Void, Never>) { waiting.append(continuation) }

  /// Hands the turn to the next in line.
  mutating func pass() {
    if waiting.isEmpty {
      isTaken = false
    } else {
      waiting.removeFirst().resume()
    }
  }
}
