import AuditLog
import Dispatch
import JobQueue
import LaneProtocol
import Registry
import StrictJSON
import SystemCalls
import WireProtocol

@testable import Worker

/// A worker whose handlers are asked directly. It has one repository, of which it knows some tags and to whose server
/// it never speaks; its caller may read there and write nothing.
struct FuzzedWorker: Sendable {
  static let shared = Result { try FuzzedWorker() }

  private let client: ClientHandler
  private let admin: AdminHandler
  private let peer: Peer

  /// The reply to a frame's body, as a connection sends it.
  func answer(_ body: [UInt8], isAdmin: Bool) async -> Reply {
    do throws(RequestError) {
      let request = try Request(body: body)
      do throws(WireError) {
        let handler: any RequestHandler = isAdmin ? admin : client
        return Reply(id: request.id, .result(try await handler.answer(request, from: peer) { _ in }))
      } catch {
        return Reply(id: request.id, .error(error))
      }
    } catch {
      return Reply(id: error.id, .error(error.error))
    }
  }

  private init() throws {
    let directory = try Scratch.folder("worker")
    peer = Peer(
      PeerCredentials(uid: ThisProcess.uid, gid: 0, groups: [], pid: ThisProcess.pid))
    let configuration = try Self.configuration(directory)
    let executor = DispatchQueueExecutor(label: "records")
    let store = try JobStore.open(directory: directory + "/journal", executor: executor) { error in
      fatalError("\(error)")
    }
    let audit = try AuditLog.open(
      directory: directory + "/audit", worker: "0123456789ab", settings: configuration.audit,
      executor: executor)
    let records = Records(store, audit, executor: executor)
    let policy = Policy(configuration)
    let counters = Counters()
    let repository = Repository(
      configuration.repositories[0], worker: "0123456789ab", stateDirectory: directory,
      laneProgram: "/nonexistent", limits: configuration.limits, policy: policy, store: store,
      records: records, pool: LanePool(limit: 1), counters: counters)
    repository.executor.queue.sync { repository.assumeIsolated { $0.learn() } }
    let settings = Settings(
      Settings.Snapshot(configuration: configuration, policy: policy, repositories: ["demo": repository]))
    let worker = Worker(
      identity: "0123456789ab", settings: settings, store: store, audit: audit, records: records,
      counters: counters, startedAt: 0)
    client = ClientHandler(worker: worker)
    admin = AdminHandler(
      worker: worker, listeners: Listeners(),
      reloader: Reloader(worker: worker, read: nil) { _, _, _ in repository })
  }

  private static func configuration(_ directory: String) throws -> Configuration {
    let text = """
      {
        stateDirectory: "\(directory)",
        repositories: { demo: { url: "/nonexistent" } },
        tenants: { ci: { uids: [\(ThisProcess.uid)] } },
        grants: [{ tenants: ["ci"], repositories: ["*"], actions: ["read", "approve"] }],
        conditions: [{ repositories: ["demo"], stages: ["prod"], approvals: { required: 1, approvers: ["ci"] } }],
        audit: { files: 2 },
      }
      """
    return try Configuration(json5: Array(text.utf8))
  }
}

extension Repository {
  /// Has it know what a repository's lane might have reported, and ask no lane for more.
  fileprivate func learn() {
    let refs = [
      "churn@v1.0.0", "churn@v1.1.0-rc.1", "churn#dev#1", "churn#prod!#2", "models/eu@v0.0.1",
      "models/eu@deprecated",
      "churn@v1.0.0!#3", "v1.0.0",
    ]
    let commit = ObjectID(String(repeating: "1", count: 40))!
    let tags = refs.enumerated().map { index, ref in
      let time = Timestamp(seconds: 1_700_000_000 + Int64(index))
      let tagger = Signature(name: "A", email: "a@example.com", time: time)
      return TagRecord(
        ref: ref, objectID: commit,
        annotation: TagRecord.Annotation(name: ref, commit: commit, tagger: tagger, message: "m\n"))
    }
    state = RegistryState(tags: tags, head: commit)
    (annotatedCommits, unreadableCommits, contactedAt) = ([commit], [commit], 1_700_000_000_000)
    facts = RepositoryFacts(defaultBranch: "main", tip: commit)
    facts.stages = ["dev", "prod"]
    Task { await stop(within: 0) }
  }
}
