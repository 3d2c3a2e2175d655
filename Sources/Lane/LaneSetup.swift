internal import RemoteURLs
internal import GitRemote
internal import LaneProtocol
internal import StrictJSON
internal import SystemCalls
internal import TagSigning
internal import WireProtocol

extension RemoteConfiguration {
  init(_ lane: LaneConfiguration) throws(GitRemoteError) {
    let url: RemoteURL
    do throws(MalformedURL) {
      url = try RemoteURL(lane.url)
    } catch {
      throw GitRemoteError(.invalid, "read the repository's URL", "it \(error)")
    }
    self.init(url: url, mirrorDirectory: lane.mirrorDirectory, controlDirectory: lane.controlDirectory)
    ssh = SSHCredential(keyFile: lane.sshKeyFile, knownHostsFile: lane.sshKnownHostsFile)
    https = HTTPSCredential(
      username: lane.httpsUsername, tokenFile: lane.httpsTokenFile, command: lane.httpsCredentialCommand,
      caFile: lane.httpsCAFile)
    // A little less than after what the parent ends the lane, so that the error can be told in words.
    let seconds = Double(lane.operationSeconds)
    timeouts = Timeouts(connect: min(15, seconds / 2), idle: seconds * 0.9, total: seconds * 0.9)
  }
}

/// Loads the signing key that a repository's configuration names.
enum TagSignerLoader {
  static func signer(_ signing: LaneConfiguration.Signing?) throws(WireError) -> (any TagSigner)? {
    guard let signing else { return nil }
    do throws(SigningError) {
      let key = try SigningKey(path: signing.keyFile, passphrasePath: signing.passphraseFile)
      if signing.format == "ssh" { return SSHTagSigner(key: key) }
      let certificate = try KeyFile.readPublic(signing.certificateFile ?? "")
      var chain: [UInt8] = []
      if let file = signing.chainFile { chain = try KeyFile.readPublic(file) }
      return try CMSTagSigner(key: key, certificate: certificate, chain: chain, now: WallClock.seconds)
    } catch {
      throw .signingKey("\(error)")
    }
  }
}

extension WireError.Code {
  static let signingKey = Self(rawValue: "signing_key")
  static let credentialFile = Self(rawValue: "credential_file")
  static let credentialCommand = Self(rawValue: "credential_command")
  static let mirrorUnusable = Self(rawValue: "mirror_unusable")
  static let remoteOwner = Self(rawValue: "remote_owner")
  static let remoteStorage = Self(rawValue: "remote_storage")
  static let remoteCertificate = Self(rawValue: "remote_certificate")
}

extension WireError {
  /// The one place where what the Git layer says becomes what the protocol says.
  init(_ error: GitRemoteError) {
    let (code, category) = Self.classification(error.code)
    self.init(
      code, category: category, "\(error.operation): \(error.message)",
      details: error.outcomeUnknown ? JSONObject([("outcomeUnknown", true)]) : nil)
  }

  private static func classification(_ code: GitRemoteError.Code) -> (Code, ErrorCategory) {
    switch code {
    case .unreachable, .remoteHungUp: (.remoteUnreachable, .retry)
    case .timeout: (.remoteTimeout, .retry)
    case .authenticationFailed: (.remoteAuthenticationFailed, .unavailable)
    case .hostKeyUnknown, .hostKeyChanged: (.remoteHostKey, .unavailable)
    case .certificateInvalid: (.remoteCertificate, .unavailable)
    case .redirected: (.remoteRedirected, .unavailable)
    case .foreignOwner: (.remoteOwner, .unavailable)
    case .repositoryNotFound: (.remoteNotFound, .unavailable)
    case .protocolViolation, .tooLarge: (.remoteProtocol, .unavailable)
    case .serverDisk: (.remoteStorage, .retry)
    case .refused: (.remoteRefused, .refused)
    case .notFound: (.unknownRef, .refused)
    case .locked, .exhausted: (.busy, .retry)
    case .mirrorDamaged: (.internalError, .retry)
    case .mirrorUnusable: (.mirrorUnusable, .unavailable)
    case .credentialFileUnusable: (.credentialFile, .unavailable)
    case .credentialCommandFailed: (.credentialCommand, .retry)
    case .unsupported: (.remoteProtocol, .unavailable)
    default: (.internalError, .internal)
    }
  }
}
