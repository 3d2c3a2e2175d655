/// How long something took, counted in buckets.
public struct DurationHistogram: Equatable, Sendable {
  /// The buckets' upper bounds, in milliseconds; a last bucket has the rest.
  public static let bounds: [Int64] = [
    25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000,
  ]

  /// How many were in each bucket, the last one's included.
  public private(set) var counts = [UInt64](repeating: 0, count: bounds.count + 1)
  /// In milliseconds.
  public private(set) var sum: Int64 = 0

  public init() {}

  /// - Parameter milliseconds: less than 0, as after a clock was put back, counts as 0.
  public mutating func add(milliseconds: Int64) {
    let duration = max(0, milliseconds)
    counts[Self.bounds.firstIndex { duration <= $0 } ?? Self.bounds.count] += 1
    sum = sum.addingReportingOverflow(duration).partialValue
  }
}
