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
  /// `alreadyInStage` → `already_in_stage`.
  var snakeCased: String {
    var result = ""
    for character in self {
      if character.isUppercase { result += "_" }
      result += character.lowercased()
    }
    return result
  }
}
