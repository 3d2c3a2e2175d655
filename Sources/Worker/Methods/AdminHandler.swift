internal import AuditLog
internal import JobQueue
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

/// Answers the admin socket. Who reaches it is the administrator's choice of its mode and owner; besides,
/// only the superuser and the worker's own user are heard.
struct AdminHandler: RequestHandler {
  let worker: Worker
  let listeners: Listeners
  let reloader: Reloader

  static let methods = [
    "hello", "whoami", "queue", "job", "repositories", "tenants", "stats", "metrics", "policy.explain",
    "signing.export",
    "pause", "resume", "drain", "retry", "cancel", "reload",
  ]

  func answer(
    _ request: Request, from peer: Peer, events: EventSink
  ) async throws(WireError) -> JSONValue {
    guard peer.uid == 0 || peer.uid == ThisProcess.uid else {
      let error = WireError(
        .notAllowed, category: .denied, "only the superuser and the worker's own user may administer it")
      await worker.audit.deny(AuditEntry(denied: request, peer: peer, error))
      throw error
    }
    do throws(WireError) {
      return try await recorded(request, peer) { () throws(WireError) in
        try await dispatch(request, from: peer)
      }
    } catch {
      // Every job is an administrator's.
      if error.code != .unknownJob { throw error }
      throw WireError(.unknownJob, category: .refused, "there is no such job, or it is forgotten by now")
    }
  }

  func isBrief(_ request: Request) -> Bool { false }

  private func dispatch(_ request: Request, from peer: Peer) async throws(WireError) -> JSONValue {
    let params = request.params
    switch request.method {
    case "hello": return try Hello.answer(params, worker, socket: "admin")
    case "whoami": return try ClientHandler(worker: worker).whoami(params, peer, socket: "admin")
    case "queue": return try await queue(params)
    case "job": return try await job(params)
    case "repositories": return try await repositories(params)
    case "tenants": return try await tenants(params)
    case "stats": return try await stats(params)
    case "metrics": return try await metrics(params)
    case "drain": return try await drain(params)
    case "reload": return try await reload(params)
    case "pause": return try await setPaused(true, params)
    case "resume": return try await setPaused(false, params)
    case "retry": return try await retry(params, peer)
    case "cancel": return try await cancel(params, peer)
    case "policy.explain": return try await explainPolicy(params)
    case "signing.export": return try await exportSigningKey(params)
    default: throw .unknownMethod(request.method, known: Self.methods)
    }
  }
}

/// The listeners, for their figures; set once all are there.
actor Listeners {
  private var all: [Listener] = []

  func set(_ all: [Listener]) { self.all = all }

  var counts: (open: Int, accepted: UInt64) {
    get async {
      var sum: (open: Int, accepted: UInt64) = (0, 0)
      for listener in all {
        let counts = await listener.counts
        sum = (sum.open + counts.open, sum.accepted + counts.accepted)
      }
      return sum
    }
  }
}

extension Worker {
  /// Cancels a job and says how it stands then.
  func cancel(_ id: JobID, by requester: Requester) async throws(WireError) -> JSONValue {
    do throws(JobStoreError) {
      return status(try await store.cancel(id, by: requester)).json
    } catch {
      if error.code == .impossible {
        throw WireError(.jobNotCancellable, category: .refused, "job \(id) has ended already")
      }
      throw WireError(error)
    }
  }

  /// Asks the store; its errors become the client's.
  func ask<Value: Sendable>(
    _ question: (isolated JobStore) throws(JobStoreError) -> Value
  ) async throws(WireError) -> Value {
    do throws(JobStoreError) { return try await question(store) } catch { throw WireError(error) }
  }
}
