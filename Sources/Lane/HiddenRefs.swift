internal import GitRemote
internal import Registry

/// Refs that a server shows to who fetches and not to who pushes, or the other way round (`receive.hideRefs`,
/// `uploadpack.hideRefs`), so that both lists never become the same.
///
/// A ref that comes or goes between two looks is in one list only too. Only what is there again after both were asked
/// anew counts as hidden.
struct HiddenRefs {
  /// In one of the lists that were compared last.
  private var suspects: Set<String> = []
  /// Those that only who pushes is shown, as they were seen last: their names are taken all the same.
  private var unfetchable: [String: GitRemote.ObjectID] = [:]
  /// Those of them that were reported without what is in them.
  private var unread: Set<String> = []

  /// Takes note of a list for pushing that came right after one for fetching.
  mutating func suspect(_ pushing: RefList, _ fetching: RefList) {
    suspects = pushing.namesInOne(of: fetching)
  }

  /// Compares the next list for pushing.
  ///
  /// - Returns: the refs that are hidden.
  mutating func confirm(_ pushing: RefList, _ fetching: RefList) -> Set<String> {
    let found = pushing.namesInOne(of: fetching).intersection(suspects)
    suspects = []
    for name in found { unfetchable[name] = pushing[name]?.id }
    return found
  }

  /// A list for pushing was the one for fetching: what came or went between the two before has settled.
  mutating func dismissSuspects() { suspects = [] }

  /// Takes note of where those stand, or that they are gone, that only who pushes is shown.
  mutating func update(from pushing: RefList) {
    for name in Array(unfetchable.keys) { unfetchable[name] = pushing[name]?.id }
  }

  /// A list for fetching, with the tags that it should have.
  mutating func completed(_ fetching: RefList) -> RefList {
    var refs = fetching
    for (name, id) in unfetchable {
      if fetching[name] != nil {
        unfetchable[name] = nil
      } else if name.hasPrefix("refs/tags/") {
        refs.set(name, to: id)
      }
    }
    return refs
  }

  /// Whether it was reported as hidden and is hidden no longer.
  func isShownNow(_ name: String) -> Bool { unread.contains(name) && unfetchable[name] == nil }

  /// To be called when the parent has all that was reported.
  mutating func noteReported() { unread.formIntersection(unfetchable.keys) }

  /// What there is to report of a tag that can't be read; nil for one that is not hidden.
  mutating func record(of ref: AdvertisedRef) -> TagRecord? {
    guard unfetchable[ref.name] != nil, let id = Registry.ObjectID(ref.id.description) else { return nil }
    unread.insert(ref.name)
    return TagRecord(
      ref: String(ref.name.dropFirst("refs/tags/".count)), objectID: id, annotation: nil, unread: .hidden)
  }
}
