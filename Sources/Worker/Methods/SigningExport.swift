internal import LaneProtocol
internal import StrictJSON
internal import WireProtocol

extension AdminHandler {
  /// `signing.export`: the public half of a repository's signing key, as others want it.
  func exportSigningKey(_ params: JSONValue) async throws(WireError) -> JSONValue {
    let (id, wanted) = try readParameters(params) { reader throws(JSONShapeError) in
      (try reader.string("repository"), try reader.optionalChoice("format", SigningKeyForm.self))
    }
    let repository = try self.repository(id)
    guard let signing = await repository.configuration.signing else {
      throw WireError(
        .signingNotConfigured, category: .refused, "the repository's configuration has no signing")
    }
    let form = wanted ?? (signing.format == .ssh ? .openssh : .certificate)
    return [
      "format": .string(form.rawValue), "text": .string(try await repository.exportSigningKey(form)),
    ]
  }
}

extension WireError.Code {
  static let signingNotConfigured = Self(rawValue: "signing_not_configured")
}
