internal import Registry
internal import WireProtocol

extension WireError {
  /// A registry rule's refusal as the protocol words it: the rule's name in snake case.
  init(_ refusal: Refusal) {
    let isUsage = [.invalidRequest, .invalidMessage].contains(refusal.code)
    self.init(
      Code(rawValue: refusal.code.description.snakeCased), category: isUsage ? .usage : .refused,
      refusal.message)
  }
}

extension WireError.Code {
  static let unknownArtifact = Self(rawValue: "unknown_artifact")
  static let ambiguousTag = Self(rawValue: "ambiguous_tag")
}

extension String {
  /// `alreadyInStage` → `already_in_stage`, `messageNotUTF8` → `message_not_utf8`.
  var snakeCased: String {
    var result = ""
    var wasUppercase = false
    for character in self {
      if character.isUppercase, !wasUppercase { result += "_" }
      result += character.lowercased()
      wasUppercase = character.isUppercase
    }
    return result
  }
}
