extension Planner {
  /// GTO, registry.py, `register`.
  mutating func planRegister() throws(Refusal) -> Plan {
    if request.version != nil, request.bump != nil {
      throw Refusal(.invalidRequest, "give either a version or one part to bump")
    }
    let commit = try commitOrTip()
    let version = try addRegistration(
      at: commit, version: request.version, bump: request.bump, message: request.message,
      simple: request.simple ?? true, force: request.force)
    return finished(.name(version), commit)
  }

  /// Plans the tag that registers a version.
  ///
  /// - Parameters:
  ///   - version: its name; nil bumps the latest.
  ///   - bump: which part of the latest to raise; nil is the patch.
  /// - Returns: the version that gets registered.
  mutating func addRegistration(
    at commit: ObjectID, version: VersionName?, bump: VersionBump?, message: String?, simple: Bool,
    force: Bool
  ) throws(Refusal) -> VersionName {
    let name = self.name
    let chosen = try versionToRegister(at: commit, version, bump, force: force)
    try add(
      simple: simple, at: commit, message: message.nonBlank,
      default: "Registering artifact \(name) version \(chosen)"
    ) { .registration(of: name, chosen, counter: $0) }
    return chosen
  }

  private mutating func versionToRegister(
    at commit: ObjectID, _ version: VersionName?, _ bump: VersionBump?, force: Bool
  ) throws(Refusal) -> VersionName {
    let existing = try self.version(at: commit)
    if let existing, let existingName = existing.label.name {
      try checkReregistration(existing, existingName, version, force: force)
      if let other = artifact?.versions(named: existingName).first(where: {
        $0.commit != commit && $0.isActive
      }) {
        throw Refusal(
          .versionExists,
          "Version '\(existingName)' already was registered, at commit \(other.commit.abbreviated) too, where it is in effect; deregister it there first"
        )
      }
      reasons.append(
        "commit \(commit.abbreviated) has version \(existingName) already, which is registered again")
      return existingName
    }
    guard let version else { return try nextVersion(bump) }
    if let other = try self.version(named: version) {
      throw Refusal(
        .versionExists,
        "Version '\(version)' already was registered, at commit \(other.commit.abbreviated); choose another name or bump"
      )
    }
    return version
  }

  private func checkReregistration(
    _ existing: ArtifactVersion, _ existingName: VersionName, _ version: VersionName?, force: Bool
  ) throws(Refusal) {
    if !force, existing.isRegistered, existing.isActive {
      throw Refusal(
        .alreadyRegistered,
        "'\(name)' is already registered in this commit with version '\(existingName)'; '--force' makes a new tag nevertheless"
      )
    }
    if let version, version != existingName {
      throw Refusal(.otherVersionAtCommit, "For this REF you can only register \(existingName)")
    }
  }

  private mutating func nextVersion(_ bump: VersionBump?) throws(Refusal) -> VersionName {
    guard let latest = artifact?.latestVersion?.label.name else {
      if bump != nil {
        throw Refusal(
          .noVersionToBump,
          "Can't apply bump, because this is the first version being registered; leave it out or name a version"
        )
      }
      reasons.append("'\(name)' has no version yet, so the first is \(VersionName.first)")
      return .first
    }
    let next = latest.bumped(bump ?? .patch)
    if let other = artifact?.versions(named: next).first {
      throw Refusal(
        .versionExists,
        "the version after \(latest) is \(next), which was registered before at commit \(other.commit.abbreviated); name another version"
      )
    }
    reasons.append("\(next) is the latest version \(latest) with its \((bump ?? .patch).rawValue) raised")
    return next
  }
}

extension String? {
  /// Nil also for a text without anything to see: GTO's default message stands in.
  var nonBlank: String? { flatMap { $0.trimmedAsPython.isEmpty ? nil : $0 } }
}
