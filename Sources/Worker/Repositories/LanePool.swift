/// Bounds how many lanes run at once, over all repositories.
///
/// A repository keeps its place while its lane runs; an idle lane gives its place up when another repository
/// needs one, the longest idle first. Waiting repositories are served in the order in which they came.
actor LanePool {
  private let limit: Int
  private var running = 0
  private var waiting: [CheckedContinuation<Void, Never>] = []
  private var idle: [(repository: String, end: @Sendable () async -> Void)] = []

  init(limit: Int) { self.limit = limit }

  /// Waits for a place. Every return is paired with one ``leave()``.
  func enter() async {
    if running < limit {
      running += 1
      return
    }
    await withCheckedContinuation { continuation in
      waiting.append(continuation)
      endOneIdle()
    }
  }

  /// Whether somebody waits for a place.
  var isWanted: Bool { !waiting.isEmpty }

  /// Gives a place back: its lane is gone.
  func leave() {
    if waiting.isEmpty {
      running -= 1
    } else {
      waiting.removeFirst().resume()
    }
  }

  /// The repository's lane has nothing to do; `end` is called, once, when its place is needed.
  func noteIdle(_ repository: String, end: @escaping @Sendable () async -> Void) {
    noteBusy(repository)
    idle.append((repository, end))
    if !waiting.isEmpty { endOneIdle() }
  }

  /// The repository's lane has work, or is gone.
  func noteBusy(_ repository: String) { idle.removeAll { $0.repository == repository } }

  private func endOneIdle() {
    guard !idle.isEmpty else { return }
    let end = idle.removeFirst().end
    Task { await end() }
  }
}
