/// The number of a job: from 1, in the order of acceptance, never given twice in one state directory.
public struct JobID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let number: UInt64

  public init(_ number: UInt64) { self.number = number }

  public static func < (left: JobID, right: JobID) -> Bool { left.number < right.number }

  public var description: String { String(number) }
}
