internal import LaneProtocol

extension RepositoryConfiguration {
  /// What its lane is told.
  func laneConfiguration(stateDirectory: String, limits: Limits) -> LaneConfiguration {
    var lane = LaneConfiguration(
      repository: id, url: url, mirrorDirectory: "\(stateDirectory)/mirrors/\(directoryName)",
      taggerName: tagger.name, taggerEmail: tagger.email, operationSeconds: limits.attemptSeconds)
    lane.controlDirectory = "\(stateDirectory)/ssh"
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

  /// Whether there are keys, tokens or trust files that its lane can try out.
  var hasKeys: Bool { signing != nil || verification != nil || ssh != nil || https != nil }
}
