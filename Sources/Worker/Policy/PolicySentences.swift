internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

/// What a configuration lets whom do, in sentences for the administrator who wrote it.
struct PolicySentences {
  let configuration: Configuration

  var lines: [String] {
    configuration.clientSockets.map(sentence) + configuration.tenants.map(sentence)
      + configuration.grants.map(sentence) + configuration.conditions.flatMap(sentences)
  }

  private func sentence(_ socket: SocketConfiguration) -> String {
    let mode = String(socket.mode, radix: 8)
    let who = socket.tenant.map { "is tenant \($0.quoted)" } ?? "is who the kernel says"
    return "Whoever connects to \(socket.path.escapedForMessage) (mode 0\(mode)) \(who)."
  }

  private func sentence(_ tenant: TenantConfiguration) -> String {
    var members: [String] = []
    if !tenant.uids.isEmpty {
      members.append(
        "users " + tenant.uids.sorted().map { "\($0)" + name(Accounts.userName($0)) }.listed("and"))
    }
    if !tenant.gids.isEmpty {
      members.append("groups " + tenant.gids.sorted().map { "\($0)" }.listed("and"))
    }
    let sockets = configuration.clientSockets.filter { $0.tenant == tenant.name }.map(
      \.path.escapedForMessage)
    if !sockets.isEmpty { members.append("whoever connects to " + sockets.listed("or")) }
    return "Tenant \(tenant.name.quoted) is \(members.listed("and"))."
  }

  private func name(_ user: String?) -> String { user.map { " (\($0.escapedForMessage))" } ?? "" }

  private func sentence(_ grant: Grant) -> String {
    let tenants = grant.tenants.sorted().map(\.quoted).listed("and")
    let all = grant.actions.count == GrantedAction.allCases.count
    let actions = all ? "do everything" : grant.actions.map(\.rawValue).sorted().listed("and")
    return "grants[\(grant.index)]: \(tenants) may \(actions): \(artifacts(grant.artifacts)) of "
      + "\(grant.repositories.named("repository", "repositories")), \(stages(grant.stages))."
  }

  private func artifacts(_ patterns: [Pattern]?) -> String {
    patterns?.named("artifact", "artifacts") ?? "every artifact"
  }

  private func stages(_ patterns: [Pattern]?) -> String {
    patterns?.named("stage", "stages") ?? "every stage"
  }

  private func sentences(_ condition: Condition) -> [String] {
    let place =
      "\(condition.stages.named("stage", "stages")) of \(artifacts(condition.artifacts)) of "
      + condition.repositories.named("repository", "repositories")
    return condition.members.map { member in
      "\(condition.rule(member)): \(condition.demand(member, in: place))."
    }
  }
}

extension Condition {
  /// What one of its members demands.
  fileprivate func demand(_ member: Member, in place: String) -> String {
    switch member {
    case .from: "into \(place) goes only a version that has been in \((from ?? []).named("stage", "stages"))"
    case .branches:
      "into \(place) goes only a version whose commit is on \((branches ?? []).named("branch", "branches"))"
    case .types: "into \(place) goes only what is annotated with \((types ?? []).named("type", "types"))"
    case .signed: "into \(place) goes only a version that was registered with a good signature"
    case .freeze: "nothing changes in \(place) \((freeze ?? []).map(\.sentence).listed("and"))"
    case .approvals:
      "every change in \(place) needs \(approvals?.required ?? 0) of tenant "
        + "\((approvals?.approvers ?? []).map(\.quoted).listed("or")) to agree"
    }
  }
}

extension FreezeWindow {
  fileprivate var sentence: String {
    let words = reason.map { " (\($0.escapedForMessage))" } ?? ""
    switch span {
    case .once(let from, let until):
      return
        "from \(timestamp(milliseconds: from * 1000)) until \(timestamp(milliseconds: until * 1000))\(words)"
    case .weekly(let window): return window.sentence + words
    }
  }
}

extension WeeklyWindow {
  fileprivate var sentence: String {
    let names = days.sorted().map { Self.dayNames[$0] }.listed("and")
    let zone = "UTC" + (offset == 0 ? "" : (offset < 0 ? "-" : "+") + Self.clock(abs(offset)))
    return "each \(names) from \(Self.clock(from)) until \(Self.clock(until)) \(zone)"
  }

  private static func clock(_ minutes: Int) -> String {
    func two(_ number: Int) -> String { (number < 10 ? "0" : "") + "\(number)" }
    return "\(two(minutes / 60)):\(two(minutes % 60))"
  }
}

extension [Pattern] {
  /// `stage 'prod'`, `stages 'dev' or 'prod*'`, or `every stage`.
  fileprivate func named(_ one: String, _ several: String) -> String {
    if contains(where: { $0.text == "*" }) { return "every \(one)" }
    return "\(count == 1 ? one : several) \(map(\.text.quoted).listed("or"))"
  }
}

extension String {
  var quoted: String { "'\(escapedForMessage)'" }
}

extension [String] {
  /// `a`, `a and b`, `a, b and c`.
  func listed(_ word: String) -> String {
    guard let last, count > 1 else { return first ?? "nobody" }
    return dropLast().joined(separator: ", ") + " \(word) " + last
  }
}
