// What a write does and how a version goes up are the registry's own terms; they are part of the requests.
@_exported public import enum Registry.VersionBump
@_exported public import enum Registry.WriteAction
public import StrictJSON

/// Whether a tag carries a counter: GTO's `--simple`.
public enum SimpleTag: String, Sendable, CaseIterable {
  /// As GTO does by default: assignments and unassignments with a counter, the others without.
  case auto
  /// Without.
  case `true`
  /// With.
  case `false`
}

/// The parameters of `register`, `assign`, `unassign`, `deregister`, `deprecate` and `rollback`.
/// Source: proto-spec/protocol.md, "Writing"; the options are those of GTO 1.10.1.
public struct WriteRequest: Sendable, Equatable {
  public var action: WriteAction
  /// The repository's id in the worker's configuration.
  public var repository: String
  public var artifact: String
  /// A branch, tag or commit of the remote; nil: the version's commit, or the default branch's tip. Refused
  /// by `rollback`, as `version` is: it finds the version itself.
  public var ref: String?
  public var version: String?
  public var bump: VersionBump?
  /// Demanded by `assign`, `unassign` and `rollback`.
  public var stage: String?
  /// The tag's message; nil: GTO's own.
  public var message: String?
  public var force: Bool
  /// `unassign`, `deregister` and `deprecate` delete the tags that say what is to end, and make none.
  public var delete: Bool
  public var simple: SimpleTag
  /// `assign` at a commit without a version does not register one.
  public var skipRegistration: Bool
  /// `assign`, `unassign` and `rollback` only if the stage holds this version now; `none`: only if it holds
  /// none.
  public var ifCurrent: String?
  /// Milliseconds since 1970 after which the job is not worth doing.
  public var deadline: Int64?
  /// The same key from the same caller for the same repository means the same request.
  public var requestKey: String?
  /// Answers what would be done; nothing is queued.
  public var dryRun: Bool
  /// True: events until the job has ended, and its end as the result. False: the result is the queued job.
  public var wait: Bool

  public init(
    _ action: WriteAction, repository: String, artifact: String, ref: String? = nil, version: String? = nil,
    bump: VersionBump? = nil, stage: String? = nil, message: String? = nil, force: Bool = false,
    delete: Bool = false, simple: SimpleTag = .auto, skipRegistration: Bool = false, ifCurrent: String? = nil,
    deadline: Int64? = nil, requestKey: String? = nil, dryRun: Bool = false, wait: Bool = true
  ) {
    self.action = action
    self.repository = repository
    self.artifact = artifact
    self.ref = ref
    self.version = version
    self.bump = bump
    self.stage = stage
    self.message = message
    self.force = force
    self.delete = delete
    self.simple = simple
    self.skipRegistration = skipRegistration
    self.ifCurrent = ifCurrent
    self.deadline = deadline
    self.requestKey = requestKey
    self.dryRun = dryRun
    self.wait = wait
  }
}

extension WriteRequest {
  /// What is asked for, without how it is delivered (`requestKey`, `deadline`, `dryRun`, `wait`): what the journal keeps
  /// and what a repeated request key is compared by. Members with their default value are left out.
  public var body: JSONObject {
    JSONObject(present: [
      ("action", .string(action.rawValue)), ("repository", .string(repository)),
      ("artifact", .string(artifact)),
      ("ref", ref.map { .string($0) }), ("version", version.map { .string($0) }),
      ("bump", bump.map { .string($0.rawValue) }), ("stage", stage.map { .string($0) }),
      ("message", message.map { .string($0) }), ("force", force ? true : nil),
      ("delete", delete ? true : nil),
      ("simple", simple == .auto ? nil : .string(simple.rawValue)),
      ("skipRegistration", skipRegistration ? true : nil), ("ifCurrent", ifCurrent.map { .string($0) }),
    ])
  }

  /// The parameters as they go over the wire; the action is the method's name.
  public var params: JSONValue {
    var object = body
    object["action"] = nil
    object["deadline"] = deadline.map { .integer($0) }
    object["requestKey"] = requestKey.map { .string($0) }
    if dryRun { object["dryRun"] = true }
    if !wait { object["wait"] = false }
    return .object(object)
  }

  /// Reads the parameters of a method strictly.
  ///
  /// - Throws: ``JSONShapeError`` at the first member that is missing, unknown or of the wrong type.
  public init(_ action: WriteAction, params: JSONValue) throws(JSONShapeError) {
    var reader = try ObjectReader(params, path: "params")
    self.init(
      action, repository: try reader.string("repository"), artifact: try reader.string("artifact"),
      ref: try reader.optionalString("ref"), version: try reader.optionalString("version"),
      bump: try reader.optionalChoice("bump", VersionBump.self), stage: try reader.optionalString("stage"),
      message: try reader.optionalString("message"), force: try reader.optionalBool("force") ?? false,
      delete: try reader.optionalBool("delete") ?? false,
      simple: try reader.optionalChoice("simple", SimpleTag.self) ?? .auto,
      skipRegistration: try reader.optionalBool("skipRegistration") ?? false,
      ifCurrent: try reader.optionalString("ifCurrent"),
      deadline: try reader.optionalInteger("deadline", in: 0...ProtocolLimits.maximumID),
      requestKey: try reader.optionalString("requestKey"),
      dryRun: try reader.optionalBool("dryRun") ?? false, wait: try reader.optionalBool("wait") ?? true)
    try reader.finish()
    try checkMembers()
  }

  /// Reads a body back, as the journal keeps it.
  public init(body: JSONValue) throws(JSONShapeError) {
    guard case .object(var object) = body,
      let action = object["action"]?.stringValue.flatMap(WriteAction.init)
    else { throw JSONShapeError(path: "body", message: "expected a request with an action") }
    object["action"] = nil
    try self.init(action, params: .object(object))
  }

  /// Which members go together; what the values mean is checked where the registry's rules are.
  private func checkMembers() throws(JSONShapeError) {
    func refuse(_ key: String, _ message: String) -> JSONShapeError {
      JSONShapeError(path: "params.\(key)", message: message)
    }
    if action.needsStage, stage == nil { throw refuse("stage", "is missing") }
    if !action.needsStage, stage != nil { throw refuse("stage", "does not go with \(action.rawValue)") }
    if bump != nil, action != .register { throw refuse("bump", "goes with register only") }
    if bump != nil, version != nil { throw refuse("bump", "does not go with version: give one of them") }
    if action == .rollback {
      if ref != nil { throw refuse("ref", "does not go with rollback, which finds the version itself") }
      if version != nil { throw refuse("version", "does not go with rollback: to choose one, assign it") }
    }
    if ifCurrent != nil, !action.needsStage {
      throw refuse("ifCurrent", "does not go with \(action.rawValue), which changes no stage")
    }
    if delete, !action.isRemoval {
      throw refuse("delete", "does not go with \(action.rawValue), which makes tags")
    }
    try checkWhatEnds(refuse)
    if skipRegistration, action != .assign { throw refuse("skipRegistration", "goes with assign only") }
    if skipRegistration, version != nil, ref != nil {
      throw refuse(
        "skipRegistration", "does not go with both version and ref, which register a version at the ref")
    }
    if let requestKey, requestKey.isEmpty || requestKey.utf8.count > ProtocolLimits.requestKeyBytes {
      throw refuse("requestKey", "must have 1 to \(ProtocolLimits.requestKeyBytes) bytes")
    }
    if let message, message.utf8.count > ProtocolLimits.messageBytes {
      throw refuse("message", "is longer than \(ProtocolLimits.messageBytes) bytes")
    }
  }

  /// What `unassign`, `deregister` and `deprecate` have to name.
  private func checkWhatEnds(_ refuse: (String, String) -> JSONShapeError) throws(JSONShapeError) {
    switch action {
    case .unassign, .deregister:
      if version == nil, ref == nil { throw refuse("version", "is missing: give it or a ref") }
      if version != nil, ref != nil { throw refuse("ref", "does not go with version: give one of them") }
    case .deprecate:
      if version != nil {
        throw refuse(
          "version", "does not go with deprecate, which ends an artifact; to end a version, deregister it")
      }
      if delete, ref != nil {
        throw refuse("ref", "does not go with delete: no tag is made that could point at it")
      }
      if force, simple == .true {
        throw refuse("simple", "does not go with force: there is one tag without a counter")
      }
    case .register, .assign, .rollback: break
    }
  }
}
