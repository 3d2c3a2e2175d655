import Synchronization

/// A value that is made when it is first asked for. Copies of the owner share it, so the owner replaces
/// the box whenever what the value is made from changes.
final class Lazy<Value: Sendable>: Sendable {
  private let value = Mutex<Value?>(nil)

  func get(_ make: () -> Value) -> Value {
    value.withLock { value in
      if let value { return value }
      let made = make()
      value = made
      return made
    }
  }
}
