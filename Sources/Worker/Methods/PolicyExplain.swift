internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

extension AdminHandler {
  /// `policy.explain`: whether somebody may do something, and which rules say so.
  func explainPolicy(_ params: JSONValue) async throws(WireError) -> JSONValue {
    let (access, subject) = try readParameters(params) { reader throws(JSONShapeError) in
      guard let action = try reader.optionalChoice("action", GrantedAction.self) else {
        throw reader.error("action", "is missing")
      }
      let access = Access(
        action, repository: try reader.string("repository"), artifact: try reader.optionalString("artifact"),
        stage: try reader.optionalString("stage"))
      return (access, try Subject(reading: &reader))
    }
    let configuration = try await repository(access.repository).newestConfiguration
    let policy = worker.policy
    let tenants =
      switch subject {
      case .tenant(let name): [try tenant(name)]
      case .peer(let credentials): policy.tenants(of: Peer(credentials))
      }
    var explanation = policy.explain(access, tenants: tenants)
    if access.action == .delete, !configuration.allowDelete {
      explanation.deniedBy = "repositories.\(configuration.id).allowDelete"
    }
    if access.action == .approve, access.stage != nil {
      var change = access
      change.action = .assign
      let rules = policy.approvalRules(change)
      if !rules.contains(where: { $0.approvers.contains(where: tenants.contains) }) {
        explanation.deniedBy = "approvers"
      }
    }
    return explanation.json
  }

  private func tenant(_ name: String) throws(WireError) -> String {
    if worker.configuration.tenants.contains(where: { $0.name == name }) { return name }
    throw WireError(
      JSONShapeError(path: "params.tenant", message: "there is no tenant \"\(name.escapedForMessage)\""))
  }

  /// Whom the question is about.
  private enum Subject {
    case tenant(String)
    case peer(PeerCredentials)

    init(reading reader: inout ObjectReader) throws(JSONShapeError) {
      let tenant = try reader.optionalString("tenant")
      let user = try reader.optionalString("user")
      let uid = try reader.optionalInteger("uid", in: 0...Int64(UInt32.max))
      switch (tenant, user, uid) {
      case (let tenant?, nil, nil): self = .tenant(tenant)
      case (nil, let user?, nil):
        guard let number = Accounts.uid(ofUser: user), let groups = Accounts.groups(ofUser: user) else {
          throw reader.error("user", "there is no user \"\(user.escapedForMessage)\" on this host")
        }
        self = .peer(PeerCredentials(uid: number, gid: groups[0], groups: groups, pid: 0))
      case (nil, nil, let uid?):
        let name = Accounts.userName(UInt32(uid))
        let groups = name.flatMap(Accounts.groups) ?? []
        self = .peer(
          PeerCredentials(uid: UInt32(uid), gid: groups.first ?? UInt32(uid), groups: groups, pid: 0))
      default: throw reader.error("uid", "give one of user, uid and tenant")
      }
    }
  }
}
