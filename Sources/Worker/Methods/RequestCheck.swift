internal import Registry
internal import StrictJSON
internal import WireProtocol

/// What can be said of a write before the repository is looked at.
enum RequestCheck {
  /// - Throws: a usage error that names the member.
  static func check(_ request: WireProtocol.WriteRequest) throws(WireError) {
    _ = try registryRequest(request)
    if let message = request.message { try checkMessage(message) }
    if let ref = request.ref { try checkRef(ref) }
  }

  /// The request in the registry's terms; its ref is still to be resolved.
  static func registryRequest(_ request: WireProtocol.WriteRequest) throws(WireError) -> Registry.WriteRequest
  {
    var result = Registry.WriteRequest(
      request.action, try name("artifact", request.artifact, ArtifactName.init), bump: request.bump,
      message: request.message, force: request.force, delete: request.delete, simple: simple(request.simple),
      skipRegistration: request.skipRegistration)
    if let version = request.version { result.version = try name("version", version, VersionName.init) }
    if let stage = request.stage { result.stage = try name("stage", stage, StageName.init) }
    if let expected = request.ifCurrent {
      result.ifCurrent = try name("ifCurrent", expected, ExpectedHolder.init)
    }
    return result
  }

  private static func checkMessage(_ message: String) throws(WireError) {
    do throws(Refusal) { try MessageRules.check(message) } catch { throw WireError(error) }
  }

  /// What comes with an approval or a rejection, and is shown to others.
  static func checkDecision(_ message: String) throws(WireError) {
    do throws(Refusal) { try MessageRules.checkCharacters(message) } catch { throw WireError(error) }
  }

  private static func name<Name>(
    _ key: String, _ text: String, _ parse: (String) throws(InvalidName) -> Name
  ) throws(WireError) -> Name {
    do throws(InvalidName) {
      return try parse(text)
    } catch {
      throw WireError(JSONShapeError(path: "params.\(key)", message: "\(error)"))
    }
  }

  private static func simple(_ simple: SimpleTag) -> Bool? {
    switch simple {
    case .auto: nil
    case .true: true
    case .false: false
    }
  }

  /// A ref is a name or a commit's id; Git's own expressions (`main~3`, `:/text`) are not.
  private static func checkRef(_ ref: String) throws(WireError) {
    if isRefName(ref) { return }
    throw WireError(
      JSONShapeError(
        path: "params.ref",
        message: "\"\(ref.escapedForMessage)\" is not the name of a branch or a tag, nor a commit's id"))
  }

  /// The rules of git-check-ref-format(1), and two of our own: no leading `-`, and nothing that changes how the
  /// text around it is shown.
  private static func isRefName(_ ref: String) -> Bool {
    let isForbidden: (UInt8) -> Bool = { byte in
      byte <= 0x20 || byte == 0x7F || [0x3A, 0x3F, 0x5B, 0x5C, 0x5E, 0x7E, 0x2A].contains(byte)
    }
    let parts = ref.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    return ref.utf8.count <= 1024 && !ref.utf8.contains(where: isForbidden) && ref != "@"
      && ref.utf8.first != UInt8(ascii: "-") && ref.utf8.last != UInt8(ascii: ".")
      && !ref.utf8.containsSequence("..".utf8) && !ref.utf8.containsSequence("@{".utf8)
      && parts.allSatisfy { part in
        !part.isEmpty && part.first != UInt8(ascii: ".") && !part.suffix(5).elementsEqual(".lock".utf8)
      }
      && ref.unicodeScalars.allSatisfy { !$0.isInvisible }
  }
}

extension Unicode.Scalar {
  /// Control characters beyond ASCII, direction marks, joiners, line breaks.
  fileprivate var isInvisible: Bool {
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }
}

extension String.UTF8View {
  fileprivate func containsSequence(_ other: String.UTF8View) -> Bool {
    indices.contains { self[$0...].starts(with: other) }
  }
}
