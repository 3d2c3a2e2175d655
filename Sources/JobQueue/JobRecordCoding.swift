internal import FoundationEssentials
internal import StrictJSON
internal import WireProtocol

/// Records as the journal's JSON. Format version 2 has the approvals, which version 1 has not; what version 3 has
/// besides is in ``JournalEntry``.
extension JobRecord {
  var json: JSONValue {
    switch self {
    case .base(let next): ["record": "base", "next": next.json]
    case .kept(let job): ["record": "kept", "job": job.json]
    case .submitted(let id, let request, let time):
      ["record": "submitted", "job": id.json, "time": .integer(time), "request": request.json]
    case .event(let id, let event, let time):
      .object(
        JSONObject([("record", "event"), ("job", id.json), ("time", .integer(time))] + event.members))
    case .dropped(let ids): ["record": "dropped", "jobs": .array(ids.map(\.json))]
    case .paused(let repository, let paused, let time):
      [
        "record": "paused", "repository": .string(repository), "paused": .bool(paused),
        "time": .integer(time),
      ]
    }
  }

  /// Reads the members of a record, and leaves it to the caller to refuse others.
  init(reading reader: inout ObjectReader) throws(JSONShapeError) {
    switch try reader.string("record") {
    case "base": self = .base(nextID: try reader.id("next"))
    case "kept": self = .kept(try Job(json: try reader.required("job"), path: reader.path(of: "job")))
    case "submitted":
      self = .submitted(
        try reader.id("job"),
        try JobRequest(json: try reader.required("request"), path: reader.path(of: "request")),
        time: try reader.time("time"))
    case "event":
      let id = try reader.id("job")
      let time = try reader.time("time")
      self = .event(id, try JobEvent(reading: &reader), time: time)
    case "dropped": self = .dropped(try reader.ids("jobs"))
    case "paused":
      self = .paused(
        repository: try reader.string("repository"), try reader.optionalBool("paused") ?? true,
        time: try reader.time("time"))
    case let other: throw reader.error("record", "\"\(other.escapedForMessage)\" is unknown")
    }
  }

  /// How deep the values of a record may be nested, the record's own levels included.
  static let maximumDepth = 64
}

extension JobID {
  fileprivate var json: JSONValue { .integer(Int64(number)) }
}

extension ObjectReader {
  fileprivate mutating func id(_ key: String) throws(JSONShapeError) -> JobID {
    JobID(UInt64(try integer(key, in: 1...Int64.max)))
  }

  fileprivate mutating func ids(_ key: String) throws(JSONShapeError) -> [JobID] {
    var ids: [JobID] = []
    for (value, path) in try optionalElements(key) ?? [] {
      ids.append(JobID(UInt64(try value.integer(at: path, in: 1...Int64.max))))
    }
    return ids
  }

  mutating func time(_ key: String) throws(JSONShapeError) -> Int64 {
    try integer(key, in: Int64.min...Int64.max)
  }

  fileprivate mutating func intents(_ key: String) throws(JSONShapeError) -> [Intent] {
    var intents: [Intent] = []
    for (value, path) in try optionalElements(key) ?? [] {
      intents.append(try Intent(json: value, path: path))
    }
    return intents
  }

  fileprivate mutating func jobError(_ key: String) throws(JSONShapeError) -> JobError {
    try JobError(json: try required(key), path: path(of: key))
  }

  fileprivate mutating func optionalJobError(_ key: String) throws(JSONShapeError) -> JobError? {
    guard let value = value(key) else { return nil }
    return try JobError(json: value, path: path(of: key))
  }

  fileprivate mutating func optionalRequester(_ key: String) throws(JSONShapeError) -> Requester? {
    guard let value = value(key) else { return nil }
    return try Requester(json: value, path: path(of: key))
  }
}

/// Members without those that have no value.
func object(_ members: [(key: String, value: JSONValue?)]) -> JSONValue {
  .object(JSONObject(present: members))
}

extension Requester {
  fileprivate var json: JSONValue {
    object([
      ("uid", .integer(Int64(uid))), ("user", user.map { .string($0) }), ("tenant", .string(tenant)),
      ("fixedTenant", fixedTenant.map { .string($0) }),
    ])
  }

  fileprivate init(json: JSONValue, path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(json, path: path)
    self.init(
      uid: UInt32(try reader.integer("uid", in: 0...Int64(UInt32.max))),
      user: try reader.optionalString("user"), tenant: try reader.string("tenant"),
      fixedTenant: try reader.optionalString("fixedTenant"))
    try reader.finish()
  }
}

extension JobRequest {
  fileprivate var json: JSONValue {
    object([
      ("repository", .string(repository)), ("artifact", .string(artifact)), ("requester", requester.json),
      ("key", requestKey.map { .string($0) }), ("deadline", deadline.map { .integer($0) }), ("body", body),
    ])
  }

  fileprivate init(json: JSONValue, path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(json, path: path)
    self.init(
      repository: try reader.string("repository"), artifact: try reader.string("artifact"),
      requester: try Requester(json: try reader.required("requester"), path: reader.path(of: "requester")),
      requestKey: try reader.optionalString("key"), body: reader.value("body") ?? .null,
      deadline: try reader.optionalInteger("deadline", in: Int64.min...Int64.max))
    try reader.finish()
  }
}

extension Intent {
  fileprivate var json: JSONValue {
    let change: (String, JSONValue) =
      if let object { ("object", .string(Data(object).base64EncodedString())) } else { ("delete", true) }
    return JobQueue.object([("ref", .string(ref)), ("objectId", .string(objectID)), change])
  }

  fileprivate init(json: JSONValue, path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(json, path: path)
    let ref = try reader.string("ref")
    let objectID = try reader.string("objectId")
    var object: [UInt8]?
    if try reader.optionalBool("delete") != true {
      guard let bytes = Data(base64Encoded: try reader.string("object")) else {
        throw reader.error("object", "is not base64")
      }
      object = [UInt8](bytes)
    }
    try reader.finish()
    self.init(ref: ref, objectID: objectID, object: object)
  }
}

extension JobError {
  fileprivate var json: JSONValue {
    object([("code", .string(code)), ("message", .string(message)), ("details", details)])
  }

  fileprivate init(json: JSONValue, path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(json, path: path)
    self.init(
      code: try reader.string("code"), message: try reader.string("message"),
      details: reader.value("details"))
    try reader.finish()
  }
}

extension JobEvent {
  fileprivate var members: [(key: String, value: JSONValue)] {
    let rest: [(key: String, value: JSONValue?)] =
      switch self {
      case .started, .pushing, .interrupted, .released: []
      case .prepared(let intents): [("intents", .array(intents.map(\.json)))]
      case .replanned(let error), .rejected(let error), .failed(let error): [("error", error.json)]
      case .waiting(let until, let error): [("until", .integer(until)), ("error", error.json)]
      case .approvalAsked(let plan, let until): [("plan", plan.json), ("until", .integer(until))]
      case .approved(let by, let message): [("by", by.json), ("message", message.map { .string($0) })]
      case .succeeded(let result): [("result", result)]
      case .cancelRequested(let by), .retried(let by): [("by", by?.json)]
      }
    return [("event", .string(name))] + rest.compactMap { key, value in value.map { (key, $0) } }
  }

  fileprivate init(reading reader: inout ObjectReader) throws(JSONShapeError) {
    switch try reader.string("event") {
    case "started": self = .started
    case "prepared": self = .prepared(try reader.intents("intents"))
    case "pushing": self = .pushing
    case "replanned": self = .replanned(try reader.jobError("error"))
    case "waiting": self = .waiting(until: try reader.time("until"), try reader.jobError("error"))
    case "approvalAsked":
      self = .approvalAsked(
        try ApprovalPlan(json: try reader.required("plan"), path: reader.path(of: "plan")),
        until: try reader.time("until"))
    case "approved":
      self = .approved(
        try Approver(json: try reader.required("by"), path: reader.path(of: "by")),
        message: try reader.optionalString("message"))
    case "released": self = .released
    case "interrupted": self = .interrupted
    case "succeeded": self = .succeeded(reader.value("result") ?? .null)
    case "rejected": self = .rejected(try reader.jobError("error"))
    case "failed": self = .failed(try reader.jobError("error"))
    case "cancelRequested": self = .cancelRequested(by: try reader.optionalRequester("by"))
    case "retried": self = .retried(by: try reader.optionalRequester("by"))
    case let other: throw reader.error("event", "\"\(other.escapedForMessage)\" is unknown")
    }
  }
}

extension JobState {
  fileprivate var json: JSONValue {
    switch self {
    case .queued, .cancelled: ["name": .string(name.rawValue)]
    case .running(let phase): ["name": "running", "phase": .string(phase.rawValue)]
    case .waiting(let until, let reason):
      ["name": "waiting", "until": .integer(until), "reason": .string(reason)]
    case .awaitingApproval(let until): ["name": .string(name.rawValue), "until": .integer(until)]
    case .succeeded(let result): ["name": "succeeded", "result": result]
    case .rejected(let error), .failed(let error): ["name": .string(name.rawValue), "error": error.json]
    }
  }

  fileprivate init(json: JSONValue, path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(json, path: path)
    guard let name = try reader.optionalChoice("name", JobStatus.State.self) else {
      throw reader.error("name", "is missing")
    }
    switch name {
    case .queued: self = .queued
    case .running: self = .running(try reader.optionalChoice("phase", JobPhase.self) ?? .planned)
    case .waiting: self = .waiting(until: try reader.time("until"), reason: try reader.string("reason"))
    case .awaitingApproval: self = .awaitingApproval(until: try reader.time("until"))
    case .succeeded: self = .succeeded(reader.value("result") ?? .null)
    case .rejected: self = .rejected(try reader.jobError("error"))
    case .failed: self = .failed(try reader.jobError("error"))
    case .cancelled: self = .cancelled
    }
    try reader.finish()
  }
}

extension JobTransition {
  fileprivate var json: JSONValue {
    object([
      ("event", .string(event)), ("state", .string(state.rawValue)),
      ("phase", phase.map { .string($0.rawValue) }), ("time", .integer(time)),
      ("note", note.map { .string($0) }),
    ])
  }

  fileprivate init(json: JSONValue, path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(json, path: path)
    guard let state = try reader.optionalChoice("state", JobStatus.State.self) else {
      throw reader.error("state", "is missing")
    }
    self.init(
      event: try reader.string("event"), state: state,
      phase: try reader.optionalChoice("phase", JobPhase.self), time: try reader.time("time"),
      note: try reader.optionalString("note"))
    try reader.finish()
  }
}

extension Job {
  fileprivate var json: JSONValue {
    object([
      ("id", id.json), ("request", request.json), ("submitted", .integer(submittedAt)),
      ("state", state.json), ("intents", intents.isEmpty ? nil : .array(intents.map(\.json))),
      ("attempts", .integer(Int64(attempts))), ("lastError", lastError?.json),
      ("approval", approval?.json), ("cancelRequested", isCancelRequested ? true : nil),
      ("transitions", .array(transitions.map(\.json))),
    ])
  }

  fileprivate init(json: JSONValue, path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(json, path: path)
    self.init(
      id: try reader.id("id"),
      request: try JobRequest(json: try reader.required("request"), path: reader.path(of: "request")),
      submittedAt: try reader.time("submitted"))
    state = try JobState(json: try reader.required("state"), path: reader.path(of: "state"))
    intents = try reader.intents("intents")
    attempts = Int(try reader.integer("attempts", in: 0...Int64.max))
    lastError = try reader.optionalJobError("lastError")
    if let value = reader.value("approval") {
      approval = try ApprovalRequest(json: value, path: reader.path(of: "approval"))
    }
    isCancelRequested = try reader.optionalBool("cancelRequested") ?? false
    transitions = []
    for (value, path) in try reader.optionalElements("transitions") ?? [] {
      transitions.append(try JobTransition(json: value, path: path))
    }
    try reader.finish()
  }
}
