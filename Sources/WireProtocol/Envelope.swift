public import StrictJSON

/// One request as it came off the wire: `{"id": 1, "method": "assign", "params": {…}}`.
public struct Request: Sendable, Equatable {
  /// Chosen by the client, from 0; unique among its open requests on the connection.
  public let id: Int64
  public let method: String
  /// An object; empty where the request has none.
  public let params: JSONValue

  public init(id: Int64, method: String, params: JSONValue = [:]) {
    self.id = id
    self.method = method
    self.params = params
  }

  public var json: JSONValue { ["id": .integer(id), "method": .string(method), "params": params] }

  /// Reads the body of a frame strictly.
  ///
  /// - Throws: ``RequestError`` with the request's id where it could be read, so that the client can tell
  ///   which of its requests was refused.
  public init(body: [UInt8]) throws(RequestError) {
    let value: JSONValue
    do throws(JSONSyntaxError) {
      value = try JSONValue(parsing: body, maximumDepth: ProtocolLimits.depth)
    } catch {
      throw RequestError(
        id: nil, WireError(.malformedJSON, category: .usage, "the frame is not JSON: \(error)"))
    }
    let id = value["id"]?.integerValue.flatMap { (0...ProtocolLimits.maximumID).contains($0) ? $0 : nil }
    do throws(JSONShapeError) {
      var reader = try ObjectReader(value)
      self.id = try reader.integer("id", in: 0...ProtocolLimits.maximumID)
      method = try reader.string("method")
      params = reader.value("params") ?? [:]
      try reader.finish()
    } catch {
      throw RequestError(id: id, WireError(.invalidRequest, category: .usage, "\(error)"))
    }
    if case .object = params { return }
    throw RequestError(
      id: id,
      WireError(.invalidRequest, category: .usage, "params: expected an object, found \(params.kind)"))
  }
}

/// A request that could not be read.
public struct RequestError: Error, Sendable {
  /// Nil where not even the id could be read.
  public let id: Int64?
  public let error: WireError

  public init(id: Int64?, _ error: WireError) {
    self.id = id
    self.error = error
  }
}

/// What the worker sends: any number of events, then one result or error, each with the request's id.
public struct Reply: Sendable, Equatable {
  public enum Body: Sendable, Equatable {
    case result(JSONValue)
    case error(WireError)
    /// Progress of a request that goes on.
    case event(JSONValue)
  }

  /// Nil for an error about a frame whose id could not be read.
  public let id: Int64?
  public let body: Body

  public init(id: Int64?, _ body: Body) {
    self.id = id
    self.body = body
  }

  public var json: JSONValue {
    let id: JSONValue = id.map { .integer($0) } ?? .null
    return switch body {
    case .result(let value): ["id": id, "result": value]
    case .error(let error): ["id": id, "error": error.json]
    case .event(let value): ["id": id, "event": value]
    }
  }

  /// Reads a reply as a client does: members that it does not know are ignored. Nil when it is no reply.
  public init?(json: JSONValue) {
    id = json["id"]?.integerValue
    if let value = json["result"] {
      body = .result(value)
    } else if let error = json["error"].flatMap(WireError.init(json:)) {
      body = .error(error)
    } else if let value = json["event"] {
      body = .event(value)
    } else {
      return nil
    }
  }
}
