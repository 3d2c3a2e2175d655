internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

/// A client of a Stagekeeper worker: asks it to register and assign versions, and reads the registry.
///
/// A value stands for one connection, which is made at the first call and shared by all calls; copies share
/// it too. When it breaks, calls go on over a new one: reading is repeated, and a write is sent again under
/// its request key, so that the worker gives back the job that it has and nothing happens twice.
///
/// Every call throws ``ClientError``; cancelling the calling task ends the wait and never a job.
public struct StagekeeperClient: Sendable {
  let link: Link
  /// How long a broken connection is tried anew, from the break on.
  public let patience: Duration

  /// - Parameters:
  ///   - socketPath: the worker's client socket; nil: ``SocketPath/client``.
  ///   - patience: how long to go on trying after a connection broke; the first connection is tried once.
  public init(socketPath: String? = nil, patience: Duration = .seconds(30)) {
    link = Link(path: socketPath ?? SocketPath.client)
    self.patience = patience
  }

  /// Where the worker listens.
  public var socketPath: String { link.path }
}

// MARK: Calls

/// One call: what it asks, and what it may do when the connection breaks.
struct Call {
  var method: String
  var params: JSONValue
  /// When to give up; nil: never.
  var deadline: MonotonicTime?
  /// Sending it twice is the same as sending it once.
  var isRepeatable = true
}

extension StagekeeperClient {
  /// Makes a call and gives its result; over a new connection when one breaks and the call may be repeated.
  func perform(
    _ call: Call, onEvent: (JSONValue) -> Void = { _ in }
  ) async throws(ClientError) -> JSONValue {
    var outage = Outage(patience: patience)
    var firstError: ClientError?
    while true {
      do throws(ClientError) {
        return try await performOnce(call) { event in
          outage.end()
          firstError = nil
          onEvent(event)
        }
      } catch {
        guard call.isRepeatable, outage.mayTryAgain(after: error, until: call.deadline) else {
          // That nobody listens any more says less than how the worker went away.
          throw error.code == .workerUnreachable ? firstError ?? error : error
        }
        firstError = firstError ?? error
      }
      try await pause(outage.nextPause(), call)
    }
  }

  private func performOnce(
    _ call: Call, onEvent: (JSONValue) -> Void
  ) async throws(ClientError) -> JSONValue {
    let connection = try await link.connection()
    for await delivery in await connection.send(call.method, call.params, deadline: call.deadline) {
      switch delivery {
      case .event(let value): onEvent(value)
      case .result(let value): return value
      case .failure(let error): throw error
      }
    }
    throw ClientError(.cancelled, operation: call.method, "the wait was cancelled")
  }

  private func pause(_ seconds: Double, _ call: Call) async throws(ClientError) {
    let left = call.deadline?.secondsLeft ?? seconds
    do {
      try await Task.sleep(for: .seconds(max(0, min(seconds, left))))
    } catch {
      throw ClientError(.cancelled, operation: call.method, "the wait was cancelled")
    }
    if call.deadline?.hasPassed ?? false {
      throw ClientError(
        .timedOut, operation: call.method, "the worker went away and did not return in the time allowed")
    }
  }
}

/// The time during which no connection holds.
private struct Outage {
  let patience: Duration
  private var lastTry: MonotonicTime?
  private var pauses = 0

  init(patience: Duration) { self.patience = patience }

  /// The worker is there again.
  mutating func end() {
    lastTry = nil
    pauses = 0
  }

  /// Whether the error means that the worker is away, and may be back in time.
  ///
  /// The very first connection is not tried again: a worker that is not there is most often not set up.
  mutating func mayTryAgain(after error: ClientError, until deadline: MonotonicTime?) -> Bool {
    let isBroken = error.code == .connectionLost || error.workerError?.code == .shuttingDown
    let isStillAway = error.code == .workerUnreachable && lastTry != nil
    guard isBroken || isStillAway else { return false }
    let last = lastTry ?? .after(seconds: patience.inSeconds)
    lastTry = last
    return !last.hasPassed && !(deadline?.hasPassed ?? false)
  }

  /// Seconds: short at first, since a restart takes little, then up to one.
  mutating func nextPause() -> Double {
    pauses += 1
    return min(1, 0.02 * Double(1 << min(pauses, 6)))
  }
}

extension Duration {
  var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) / 1e18
  }

  /// The time that far from now.
  var fromNow: MonotonicTime { .after(seconds: inSeconds) }
}
