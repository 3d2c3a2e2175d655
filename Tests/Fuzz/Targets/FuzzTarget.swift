/// A reader of what others wrote, and what must hold of it whatever they wrote.
struct FuzzTarget: Sendable {
  /// The name of its corpus and of its dictionary.
  let name: String
  /// Reads an input. Whatever it throws, and whatever traps in it, is a defect.
  let run: @Sendable (_ input: [UInt8]) throws -> Void

  init(_ name: String, _ run: @escaping @Sendable (_ input: [UInt8]) throws -> Void) {
    self.name = name
    self.run = run
  }

  static let all = [
    json, frame, yaml, names, advertisement, sshKey, journal, laneFrame, audit,
  ]
}

/// Something that must hold and did not.
struct BrokenProperty: Error, CustomStringConvertible {
  let description: String
}

/// - Throws: ``BrokenProperty`` where it does not hold.
func check(_ holds: Bool, _ property: @autoclosure () -> String) throws(BrokenProperty) {
  if !holds { throw BrokenProperty(description: property()) }
}
