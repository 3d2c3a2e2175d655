internal import CSystem
public import Dispatch
internal import Glibc

/// Takes the signals that ask a program to end (`SIGINT`, which is Ctrl-C, `SIGTERM` and `SIGHUP`) for as long as it
/// lives; afterwards they end the process again, as is the default.
///
/// A signal that is ignored from the start stays so: `nohup` and a shell's `&` mean it.
public final class InterruptWatch {
  private let sources: [any DispatchSourceSignal]
  private let numbers: [Int32]

  /// - Parameter handler: called on the queue for every such signal, with its number.
  public init(queue: DispatchQueue, handler: @escaping @Sendable (Int32) -> Void) {
    numbers = [SIGINT, SIGTERM, SIGHUP].filter { stagekeeper_ignores($0) == 0 }
    sources = numbers.map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler { handler(number) }
      source.resume()
      return source
    }
  }

  deinit {
    for source in sources { source.cancel() }
    for number in numbers { signal(number, SIG_DFL) }
  }
}
