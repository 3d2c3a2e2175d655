import SystemCalls

@testable import GitRemote

extension FuzzTarget {
  /// A download ends the same however the server's answer arrives: with a pack that can be read, or with an error of
  /// the server's making and nothing on disk. What the pack holds can be anything, and reading it ends in words too.
  ///
  /// The first two bits say what the content is: the bytes themselves; lines that become packets; objects of a pack
  /// that is right as a whole.
  static let fetch = FuzzTarget(
    "fetch",
    alone: { input in
      let choices = Choices(input)
      let answer =
        switch choices.bits & 3 {
        case 0: choices.content
        case 1: choices.packets
        default: PackText(choices.content).answer
        }
      let whole = try Download([answer], choices.bits)
      let pieces = try Download(Pieces(answer, seed: choices.bits), choices.bits)
      try check(whole == pieces, "the download depends on how the answer arrives: \(whole), \(pieces)")
    })
}

/// How a fetch from a server ended that says the same whatever it is asked.
private struct Download: Equatable {
  private(set) var ids: [ObjectID] = []
  private(set) var error: GitRemoteError.Code?

  /// With the third bit set it asks for a commit without its parents, with the fourth it takes a small pack only.
  init(_ pieces: some Sequence<[UInt8]>, _ bits: UInt8) throws {
    let directory = try Self.mirror.get()
    let store = try ObjectStore(directory: directory, inMemory: bits & 16 != 0)
    let before = Set(try Files.names(in: store.packDirectory))
    var limits = RemoteConfiguration.Limits()
    (limits.pack, limits.sidebandText) = (bits & 8 == 0 ? 64 << 10 : 256, 256)
    let request = FetchRequest(wants: [.zero], depth: bits & 4 == 0 ? nil : 1)
    do throws(GitRemoteError) {
      let connection = ScriptedConnection([Self.advertisement] + Array(pieces))
      try Conversation(connection, operation: "fetch", limits: limits).fetch(request, into: store)
    } catch {
      self.error = error.code
      try Self.checkError(error)
    }
    let new = Set(try Files.names(in: store.packDirectory)).subtracting(before)
    defer { for name in new { try? Files.remove("\(store.packDirectory)/\(name)") } }
    try check(error == nil || new.isEmpty, "after \(error as Any) there are \(new)")
    let ends = new.map { $0.split(separator: ".").last ?? "" }.sorted()
    try check(ends.isEmpty || ends == ["idx", "pack"], "there are \(new)")
    for name in new where name.hasSuffix(".idx") {
      ids = Self.ids(inIndex: try Files.read("\(store.packDirectory)/\(name)", limit: 1 << 20))
    }
    for id in ids { try Self.read(id, store) }
  }

  private static let mirror = Result {
    try LibGit2.start()
    let directory = try Scratch.folder("mirror")
    try ObjectStore.make(directory)
    return directory
  }

  private static let advertisement: [UInt8] = {
    var writer = PacketWriter()
    writer.line("\(ObjectID.zero) refs/heads/main\0side-band-64k filter allow-any-sha1-in-want")
    writer.flush()
    return writer.bytes
  }()

  private static func checkError(_ error: GitRemoteError) throws {
    // What stands in `ServerRefusal` may be what the server says of itself.
    try check(![.io, .mirrorDamaged, .invalid, .locked].contains(error.code), "a server makes \(error)")
    try checkShown(error.message, limit: 8192, "the message")
    try check(!error.outcomeUnknown, "a fetch changes nothing")
  }

  /// Source: gitformat-pack, "Version 2 pack-*.idx files": 8 bytes, 256 sums, the ids.
  private static func ids(inIndex bytes: [UInt8]) -> [ObjectID] {
    let count = bytes[1028..<1032].reduce(0) { $0 << 8 | Int($1) }
    return (0..<count).compactMap { number in
      let digits = bytes[(1032 + 20 * number)...].prefix(20).map { byte in
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }
      return ObjectID(hex: digits.joined())
    }
  }

  /// What a lane does with an object: its tag, its commit's files.
  private static func read(_ id: ObjectID, _ store: ObjectStore) throws {
    do throws(GitRemoteError) {
      let object = try store.read(id, limit: 64 << 10)
      if object?.kind == .tag { _ = TagObject(id: id, content: object?.content ?? []) }
      if object?.kind == .commit {
        let tree = try store.tree(ofCommit: id)
        _ = try tree.files(named: "dvc.yaml", limit: 100)
        _ = try tree.file("models/dvc.yaml")
      }
    } catch {
      try checkShown(error.message, limit: 8192, "the message")
    }
  }
}
