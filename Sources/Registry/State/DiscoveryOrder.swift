/// When GTO comes across an artifact: deprecations are read first, then registrations, then stages.
struct DiscoveryOrder: Comparable {
  let phase: Int
  let seconds: Int64
  let tag: String

  /// - Parameter events: of one artifact, oldest first.
  init(_ events: [Event]) {
    let firsts = [
      events.first { $0.kind == .deprecation }, events.first { $0.name.version != nil },
      events.first { $0.name.stage != nil },
    ]
    phase = firsts.firstIndex { $0 != nil } ?? firsts.count
    let event = firsts.lazy.compactMap { $0 }.first
    seconds = event?.time.seconds ?? 0
    tag = event?.tag ?? ""
  }

  static func < (left: DiscoveryOrder, right: DiscoveryOrder) -> Bool {
    if left.phase != right.phase { return left.phase < right.phase }
    if left.seconds != right.seconds { return left.seconds < right.seconds }
    return left.tag.utf8.lexicographicallyPrecedes(right.tag.utf8)
  }
}
