public import Dispatch
internal import Glibc

/// Takes the keyboard's interrupt (Ctrl-C, `SIGINT`) for as long as it lives; afterwards the signal ends
/// the process again, as is the default.
public final class InterruptWatch {
  private let source: any DispatchSourceSignal

  /// - Parameter handler: called on the queue for every interrupt.
  public init(queue: DispatchQueue, handler: @escaping @Sendable () -> Void) {
    signal(SIGINT, SIG_IGN)
    source = DispatchSource.makeSignalSource(signal: SIGINT, queue: queue)
    source.setEventHandler(handler: handler)
    source.resume()
  }

  deinit {
    source.cancel()
    signal(SIGINT, SIG_DFL)
  }
}
