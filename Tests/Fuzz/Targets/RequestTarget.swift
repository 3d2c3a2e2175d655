import Registry
import StrictJSON
import WireProtocol

@testable import Worker

extension FuzzTarget {
  /// Every frame gets one answer, which is a reply that clients can read. What it refuses it refuses in words that
  /// can be shown, at a place in the parameters, and the same way again. Nothing is a defect of the worker's.
  ///
  /// Each line of the content is a frame's body. With the first bit set it goes to the administrators' socket.
  static let request = FuzzTarget(
    "request",
    asking: { input in
      let choices = Choices(input)
      let isAdmin = choices.bits & 1 == 1
      let worker = try FuzzedWorker.shared.get()
      for body in choices.lines.prefix(16) where body.count <= ProtocolLimits.requestBytes {
        let reply = await worker.answer(body, isAdmin: isAdmin)
        try checkReply(reply)
        guard case .error(let error) = reply.body, error.category == .usage else { continue }
        let again = await worker.answer(body, isAdmin: isAdmin)
        try check(again == reply, "it is refused otherwise the second time: \(error), \(again)")
      }
      for body in choices.lines {
        guard let request = try? Request(body: body) else { continue }
        try checkRead(request)
        try checkWrite(request)
        try checkPage(request.params)
      }
    })

  private static func checkReply(_ reply: Reply) throws {
    let text = reply.json.serialized()
    try check(text.count <= ProtocolLimits.replyBytes, "a reply of \(text.count) bytes")
    let again = Reply(json: try JSONValue(parsing: text, maximumDepth: ProtocolLimits.depth))
    try check(again == reply, "the reply reads differently: \(reply)")
    if case .error(let error) = reply.body { try checkError(error) }
  }

  private static func checkError(_ error: WireError) throws {
    try check(error.category != .internal, "a request makes a defect: \(error)")
    let isWord = error.code.rawValue.utf8.allSatisfy { (0x61...0x7A).contains($0) || $0 == 0x5F }
    try check(isWord && !error.code.rawValue.isEmpty, "the code \(error.code.rawValue)")
    try check(!error.message.isEmpty, "\(error.code.rawValue) without a message")
    try checkShown(error.message, limit: 4096, "the message of \(error.code.rawValue)")
    if error.code == .invalidParameter {
      let path = error.details?["path"]?.stringValue ?? ""
      try check(path == "params" || path.hasPrefix("params."), "the place of \"\(error)\": \(path)")
      try checkShown(path, limit: 1024, "the place")
    }
  }

  /// What is accepted reads the same when a client of ours writes it.
  private static func checkRead(_ request: Request) throws {
    guard let method = ReadMethod(rawValue: request.method),
      let query = try? ReadQuery(method, request.params)
    else { return }
    let again = try ReadQuery(method, method.written(request.params))
    try check("\(again)" == "\(query)", "a read reads differently: \(query), \(again)")
    try check(query.artifact.map { (try? ArtifactName($0)) != nil } ?? true, "it is about no artifact")
    let counts = [query.options.stages.assignmentsPerVersion, query.options.stages.versionsPerStage]
    try check(counts.allSatisfy { (0...1_000_000).contains($0 ?? 0) }, "it counts \(counts)")
  }

  /// What the worker takes for planning is what was asked for.
  private static func checkWrite(_ request: Request) throws {
    guard let action = WriteAction(rawValue: request.method),
      let write = try? WriteRequest(action, params: request.params)
    else { return }
    do throws(WireError) {
      try RequestCheck.check(write)
    } catch {
      return try checkError(error)
    }
    let planned = try RequestCheck.registryRequest(write)
    try check(planned.artifact.text.utf8.elementsEqual(write.artifact.utf8), "another artifact")
    try check(planned.version?.text == write.version, "another version")
    try check(planned.stage?.text == write.stage, "another stage")
    if let ref = write.ref { try checkShown(ref, limit: 1024, "the ref") }
  }
}

extension ReadQuery {
  fileprivate init(_ method: ReadMethod, _ params: JSONValue) throws(WireError) {
    self = try readParameters(params) { reader throws(JSONShapeError) in
      try ReadQuery(method, params, &reader)
    }
  }
}

extension ReadMethod {
  /// The same as the client library writes it.
  fileprivate func written(_ params: JSONValue) -> JSONValue {
    let repository = params["repository"]?.stringValue ?? ""
    let name = params["name"]?.stringValue
    func flag(_ key: String) -> Bool { params[key]?.boolValue ?? false }
    let page = Page(limit: params["limit"]?.integerValue, after: params["after"]?.stringValue)
    switch self {
    case .show:
      var request = ShowRequest(repository: repository, name: name)
      (request.registeredOnly, request.deprecated) = (flag("registeredOnly"), flag("deprecated"))
      request.assignmentsPerVersion = params["assignmentsPerVersion"]?.integerValue
      request.versionsPerStage = params["versionsPerStage"]?.integerValue
      request.sort = params["sort"]?.stringValue.flatMap(VersionSort.init) ?? .timestamp
      (request.signed, request.fresh, request.page) = (flag("signed"), flag("fresh"), page)
      return request.params
    case .history:
      var request = HistoryRequest(repository: repository, name: name)
      (request.ascending, request.signed) = (flag("ascending"), flag("signed"))
      (request.fresh, request.page) = (flag("fresh"), page)
      return request.params
    case .stages:
      var request = StagesRequest(repository: repository)
      (request.allowed, request.used, request.fresh) = (flag("allowed"), flag("used"), flag("fresh"))
      return request.params
    case .checkRef:
      var request = CheckRefRequest(repository: repository, ref: params["ref"]?.stringValue ?? "")
      request.fresh = flag("fresh")
      return request.params
    case .describe:
      var request = DescribeRequest(
        repository: repository, name: name ?? "", rev: params["rev"]?.stringValue)
      request.fresh = flag("fresh")
      return request.params
    case .doctor:
      var request = DoctorRequest(repository: repository)
      request.fresh = flag("fresh")
      return request.params
    }
  }
}
