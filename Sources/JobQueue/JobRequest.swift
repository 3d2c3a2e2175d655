public import StrictJSON

/// Who asked, by the kernel's word and the policy's.
public struct Requester: Hashable, Sendable {
  public var uid: UInt32
  /// The user's name when the job was accepted; for people.
  public var user: String?
  /// The tenant as which the request was let in; turns are shared out among tenants.
  public var tenant: String
  /// The tenant as which everybody acts on the socket that it came over; nil: the kernel's word decided.
  public var fixedTenant: String?

  public init(uid: UInt32, user: String? = nil, tenant: String, fixedTenant: String? = nil) {
    self.uid = uid
    self.user = user
    self.tenant = tenant
    self.fixedTenant = fixedTenant
  }
}

/// What somebody wants done. The queue reads none of the body: it stores, compares and hands it out.
public struct JobRequest: Equatable, Sendable {
  /// The repository's id from the configuration.
  public var repository: String
  /// Jobs of one tenant on one artifact take effect in the order of acceptance.
  public var artifact: String
  public var requester: Requester
  /// Chosen by the caller: the same key from the same caller for the same repository means the same job.
  public var requestKey: String?
  /// An object, as accepted from the wire.
  public var body: JSONValue
  /// Until when the job is worth starting, in milliseconds since 1970; nil for ever.
  public var deadline: Int64?

  public init(
    repository: String, artifact: String, requester: Requester, requestKey: String? = nil,
    body: JSONValue, deadline: Int64? = nil
  ) {
    self.repository = repository
    self.artifact = artifact
    self.requester = requester
    self.requestKey = requestKey
    self.body = body
    self.deadline = deadline
  }
}
