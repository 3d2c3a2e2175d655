internal import Synchronization

/// What may change while the worker runs: by a reload of the configuration, or by `drain`.
final class Settings: Sendable {
  struct Snapshot: Sendable {
    var configuration: Configuration
    var policy: Policy
    var repositories: [String: Repository]
    /// Accept no more jobs.
    var isDraining = false
  }

  private let state: Mutex<Snapshot>

  init(_ snapshot: Snapshot) { state = Mutex(snapshot) }

  /// All of it as it is at this moment.
  var current: Snapshot { state.withLock { $0 } }

  func update(_ change: (inout sending Snapshot) -> Void) { state.withLock { change(&$0) } }
}
