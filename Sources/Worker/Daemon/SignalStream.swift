internal import Dispatch
internal import Glibc
internal import SystemCalls

/// Signals as values: their default actions are switched off while this lives.
final class SignalStream: Sendable {
  private let stream: AsyncStream<Int32>
  /// Immutable after init; Dispatch's sources may be cancelled from any thread.
  private nonisolated(unsafe) let sources: [any DispatchSourceSignal]

  init(_ signals: [Int32]) {
    let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
    let queue = DispatchQueue(label: "stagekeeper.signals")
    self.stream = stream
    sources = signals.map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler { continuation.yield(number) }
      source.resume()
      return source
    }
  }

  /// The next signal.
  func next() async -> Int32 {
    var iterator = stream.makeAsyncIterator()
    return await iterator.next() ?? SIGTERM
  }
}
