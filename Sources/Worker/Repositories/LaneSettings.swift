internal import LaneProtocol

extension RepositoryConfiguration {
  /// What its lane is told.
  func laneConfiguration(stateDirectory: String, limits: Limits) -> LaneConfiguration {
    var lane = LaneConfiguration(
      repository: id, url: url, mirrorDirectory: "\(stateDirectory)/mirrors/\(directoryName)",
      taggerName: tagger.name, taggerEmail: tagger.email, operationSeconds: limits.attemptSeconds)
    lane.controlDirectory = "\(stateDirectory)/ssh/\(shortName)"
    lane.sshKeyFile = ssh?.keyFile
    lane.sshKnownHostsFile = ssh?.knownHostsFile
    lane.httpsUsername = https?.username
    lane.httpsTokenFile = https?.tokenFile
    lane.httpsCredentialCommand = https?.credentialCommand
    lane.httpsCAFile = https?.caFile
    lane.defaultBranch = defaultBranch
    lane.signing = signing.map { signing in
      LaneConfiguration.Signing(
        format: signing.format.rawValue, keyFile: signing.keyFile, certificateFile: signing.certificateFile,
        chainFile: signing.chainFile, passphraseFile: signing.passphraseFile)
    }
    lane.verification = verification.map { files in
      LaneConfiguration.Verification(
        allowedSignersFile: files.allowedSignersFile, revokedKeysFile: files.revokedKeysFile,
        caFile: files.caFile)
    }
    lane.containment = containment
    return lane
  }

  /// A file name of at most 13 bytes, since the path of a socket has room for few: FNV-1a, 64 bit, of the id.
  private var shortName: String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in id.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return String(hash, radix: 36)
  }

  /// Whether there are keys, tokens or trust files that its lane can try out.
  var hasKeys: Bool { signing != nil || verification != nil || ssh != nil || https != nil }
}
