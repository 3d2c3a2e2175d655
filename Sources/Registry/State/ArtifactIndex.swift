internal import StrictJSON

/// The tags of one artifact, in the order of their events, kept so that one more costs little.
struct ArtifactIndex: Sendable {
  let name: ArtifactName
  /// Oldest first. Every tag whose *inner* name is of this artifact and that has an effect.
  private(set) var events: [Event] = []
  /// Every tag whose *ref* reads as one of this artifact, with its counter, lightweight ones included.
  private(set) var refs: [BytewiseString: DecimalNumber?] = [:]
  private(set) var highestCounter = DecimalNumber.zero
  /// At least the commits that events lead to; one whose last tag was taken away may linger.
  private(set) var commits: Set<ObjectID> = []
  private var view = Lazy<Artifact>()

  init(name: ArtifactName) { self.name = name }

  var isEmpty: Bool { events.isEmpty && refs.isEmpty }

  /// The counter of the next tag: GTO, tag.py, `name_tag`.
  var nextCounter: DecimalNumber { highestCounter.successor }

  func artifact(_ commits: [ObjectID: CommitRecord]) -> Artifact {
    view.get { ArtifactBuilder.build(name, events: events, commits: commits) }
  }

  mutating func forgetView() { view = Lazy() }

  mutating func insert(ref: String, counter: DecimalNumber?) {
    refs[BytewiseString(ref)] = .some(counter)
    if let counter, highestCounter < counter { highestCounter = counter }
  }

  mutating func remove(ref: String) {
    guard let removed = refs.removeValue(forKey: BytewiseString(ref)) else { return }
    if removed == highestCounter {
      highestCounter = refs.values.compactMap { $0 }.max() ?? .zero
    }
  }

  mutating func insert(_ event: Event) {
    events.insert(event, at: position(of: event))
    commits.insert(event.commit)
    forgetView()
  }

  /// Adds many events at once, in any order.
  mutating func insert(contentsOf new: [Event]) {
    events = (events + new).sorted { $0.precedes($1) }
    commits.formUnion(new.map(\.commit))
    forgetView()
  }

  mutating func removeEvent(ofRef ref: String) {
    guard let index = events.firstIndex(where: { $0.ref.hasSameBytes(as: ref) }) else { return }
    events.remove(at: index)
    forgetView()
  }

  /// Where an event belongs; new ones nearly always go to the end.
  private func position(of event: Event) -> Int {
    if let last = events.last, last.precedes(event) { return events.count }
    var (low, high) = (0, events.count)
    while low < high {
      let middle = (low + high) / 2
      if events[middle].precedes(event) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
