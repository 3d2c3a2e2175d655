import JobQueue
import StrictJSON
import TestSupport

/// A Git server as the worker sees it: create-only refs, which other people write to as well, and over
/// which answers get lost and pushes arrive late.
struct SimulatedRemote {
  enum Answer {
    case landed
    case taken
    case refused
    /// The connection broke: nobody knows.
    case unknown
  }

  private(set) var refs: [String: String] = [:]
  private(set) var refused: Set<String> = []
  /// Pushes that are still on their way.
  private var late: [Intent] = []

  mutating func push(_ intent: Intent, _ random: inout SeededGenerator, calm: Bool) -> Answer {
    if refused.contains(intent.ref) { return .refused }
    let chance = calm ? 0 : Int.random(in: 0..<20, using: &random)
    switch chance {
    case 12: return .unknown
    case 13, 14:
      _ = create(intent)
      return .unknown
    case 15, 16:
      late.append(intent)
      return .unknown
    case 17:
      _ = create(Intent(ref: intent.ref, objectID: "rival", object: []))
      return create(intent) ? .landed : .taken
    case 18 where refs[intent.ref] == nil:
      refused.insert(intent.ref)
      return .refused
    default: return create(intent) ? .landed : .taken
    }
  }

  /// Some of what was on its way arrives.
  mutating func deliverLate(_ random: inout SeededGenerator) {
    let arriving = late.filter { _ in Bool.random(using: &random) }
    late.removeAll { arriving.contains($0) }
    for intent in arriving where !refused.contains(intent.ref) { _ = create(intent) }
  }

  /// Whether the ref points to that object afterwards.
  private mutating func create(_ intent: Intent) -> Bool {
    if refs[intent.ref] == nil { refs[intent.ref] = intent.objectID }
    return refs[intent.ref] == intent.objectID
  }

  func nextCounter(_ artifact: String) -> Int {
    let prefix = "refs/tags/\(artifact)#prod#"
    let counters = (Array(refs.keys) + refused).filter { $0.hasPrefix(prefix) }
      .compactMap { Int($0.dropFirst(prefix.count)) }
    return (counters.max() ?? 0) + 1
  }

  /// The refs that point to objects of that job.
  func refs(of job: JobID) -> [String] {
    refs.filter { $0.value.hasPrefix("job-\(job)-") }.map(\.key)
  }
}
