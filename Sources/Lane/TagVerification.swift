internal import GitRemote
internal import LaneProtocol
internal import Registry
internal import TagSigning
internal import WireProtocol

/// Loads the files that say whom to trust.
enum TrustFiles {
  /// - Throws: an error with the code `verification_files` that names the file.
  static func verifier(_ files: LaneConfiguration.Verification?) throws(WireError) -> TagVerifier {
    guard let files else { return TagVerifier() }
    return TagVerifier(
      allowedSigners: try read(files.allowedSignersFile) { bytes throws(SigningError) in
        try AllowedSigners(file: bytes)
      },
      certificates: try read(files.caFile) { bytes throws(SigningError) in
        try CertificateTrust(bundle: bytes)
      },
      revokedKeys: try read(files.revokedKeysFile) { bytes throws(SigningError) in
        try RevokedKeys(file: bytes)
      } ?? RevokedKeys())
  }

  private static func read<Trust>(
    _ path: String?, _ parse: ([UInt8]) throws(SigningError) -> Trust
  ) throws(WireError) -> Trust? {
    guard let path else { return nil }
    let bytes: [UInt8]
    do throws(SigningError) {
      bytes = try KeyFile.readPublic(path)
    } catch {
      throw problem("\(error)")
    }
    do throws(SigningError) {
      return try parse(bytes)
    } catch {
      throw problem("\(path): \(error)")
    }
  }

  private static func problem(_ why: String) -> WireError {
    WireError(
      .verificationFiles, category: .unavailable, "signatures can't be verified: \(why)")
  }
}

extension LaneRepository {
  /// Judges the signatures of tags. The trust files are read anew, so that a key revoked a moment ago counts
  /// no longer.
  func verify(_ tags: [TagToVerify]) throws(WireError) -> [TagVerdict] {
    let verifier = try TrustFiles.verifier(configuration.verification)
    var verdicts: [TagVerdict] = []
    for tag in tags {
      verdicts.append(try reporting { () throws(GitRemoteError) in try verdict(on: tag, verifier) })
    }
    return verdicts
  }

  private func verdict(
    on tag: TagToVerify, _ verifier: TagVerifier
  ) throws(GitRemoteError) -> TagVerdict {
    var id = try tag.objectID.map(remoteID)
    if id == nil {
      guard let known else { return TagVerdict(tag.ref, .missing, "the remote was not asked yet") }
      id = known["refs/tags/" + tag.ref]?.id
    }
    guard let id else { return TagVerdict(tag.ref, .noSuchRef, "the remote has no such tag") }
    do throws(GitRemoteError) {
      guard let object = try remote.readTag(id), let bytes = try remote.readTagContent(id) else {
        return tag.objectID == nil
          ? TagVerdict(tag.ref, .unsigned, "a lightweight tag has no signature", objectID: try registryID(id))
          : TagVerdict(tag.ref, .missing, "the tag object is not in the mirror")
      }
      return try TagVerdict(tag.ref, try registryID(id), object, bytes, verifier)
    } catch {
      guard error.code == .tooLarge else { throw error }
      return TagVerdict(tag.ref, .malformed, error.message, objectID: try registryID(id))
    }
  }
}

extension TagVerdict {
  /// Judges one tag. Assumes `object` was read from `bytes`.
  fileprivate init(
    _ ref: String, _ id: Registry.ObjectID, _ object: TagObject, _ bytes: [UInt8], _ verifier: TagVerifier
  ) throws(GitRemoteError) {
    self.init(ref, .good, "", objectID: id)
    format = SignedTag(splitting: bytes).format?.rawValue
    taggerTime = object.tagger?.seconds
    guard let taggerTime = object.tagger?.seconds else {
      code = format == nil ? .unsigned : .malformed
      message = format == nil ? "the tag has no signature" : "the tag does not say when it was made"
      return
    }
    do throws(VerificationFailure) {
      note(try verifier.verify(bytes, taggerTime: taggerTime), object)
    } catch {
      code = Code(error.code)
      message = error.message
      keyFingerprint = error.keyFingerprint
    }
  }

  private mutating func note(_ signature: TagSignature, _ object: TagObject) {
    identity = signature.identity
    keyFingerprint = signature.keyFingerprint
    certificateFingerprint = signature.certificateFingerprint
    message = "signed by \(signature.identity)"
    // The signature covers the name inside. Under another ref, it says what nobody has signed.
    if object.name?.utf8.elementsEqual(ref.utf8) ?? false { return }
    code = .wrongName
    message = "\(signature.identity) signed a tag of another name: \(object.name ?? "none")"
  }
}

extension TagVerdict.Code {
  /// `unknownKey` → `unknown_key`.
  fileprivate init(_ code: VerificationFailure.Code) {
    self.init(
      rawValue: code.description.reduce(into: "") { text, character in
        text += character.isUppercase ? "_" + character.lowercased() : String(character)
      })
  }
}

extension WireError.Code {
  static let verificationFiles = Self(rawValue: "verification_files")
  static let signingNotConfigured = Self(rawValue: "signing_not_configured")
}
