internal import Synchronization

/// How often things happened since the start.
final class Counters: Sendable {
  struct Figures: Sendable {
    var requests = 0
    var errors = 0
    var pushes = 0
    var pushedTags = 0
    var failedPushes = 0
    var startedLanes = 0
    var killedLanes = 0
    var runningLanes = 0
  }

  private let figures = Mutex(Figures())

  /// All of them at this moment.
  var current: Figures { figures.withLock { $0 } }

  func countRequest(failed: Bool) {
    figures.withLock {
      $0.requests += 1
      if failed { $0.errors += 1 }
    }
  }

  func countPush(tags: Int) {
    figures.withLock {
      $0.pushes += 1
      $0.pushedTags += tags
    }
  }

  func countFailedPush() { figures.withLock { $0.failedPushes += 1 } }

  func countLaneStart() {
    figures.withLock {
      $0.startedLanes += 1
      $0.runningLanes += 1
    }
  }

  func countLaneEnd(killed: Bool) {
    figures.withLock {
      $0.runningLanes -= 1
      if killed { $0.killedLanes += 1 }
    }
  }
}
