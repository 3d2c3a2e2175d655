internal import Glibc

/// Gives the processor to others between two looks at a condition.
enum Pause {
  static func briefly() { usleep(5000) }
}
