/// One JSON value. Objects keep the order of their members, and numbers written as integers stay
/// integers: `1` is `.integer(1)`, while `1.0` and `1e0` are `.number(1)`.
public enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  case integer(Int64)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)

  /// What a person calls this kind of value, for error messages.
  public var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .integer: "an integer"
    case .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }

  /// The member of that name when this is an object that has it.
  public subscript(key: String) -> JSONValue? {
    if case .object(let object) = self { object[key] } else { nil }
  }

  public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
  public var integerValue: Int64? { if case .integer(let value) = self { value } else { nil } }
  public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
  public var arrayValue: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
  public var objectValue: JSONObject? { if case .object(let value) = self { value } else { nil } }

  /// Strings are equal when their bytes are: Swift's own `==` takes NFC and NFD for the same.
  public static func == (left: JSONValue, right: JSONValue) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.bool(let a), .bool(let b)): a == b
    case (.integer(let a), .integer(let b)): a == b
    case (.number(let a), .number(let b)): a == b
    case (.string(let a), .string(let b)): a.hasSameBytes(as: b)
    case (.array(let a), .array(let b)): a == b
    case (.object(let a), .object(let b)): a == b
    default: false
    }
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int64) { self = .integer(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(JSONObject(elements.map { (key: $0.0, value: $0.1) }))
  }
  public init(nilLiteral: ()) { self = .null }
}

/// The members of a JSON object in the order in which they were written. Keys are compared as bytes.
public struct JSONObject: Sendable, Equatable {
  public private(set) var members: [(key: String, value: JSONValue)] = []

  public init() {}

  /// Objects with fewer members are looked through faster than a table of their keys is made.
  static let few = 16

  /// Of two members of one name the later value counts, at the earlier place. Takes linear time.
  public init(_ members: [(key: String, value: JSONValue)]) {
    self.members.reserveCapacity(members.count)
    if members.count < Self.few {
      for (key, value) in members { self[key] = value }
      return
    }
    var places: [[UInt8]: Int] = [:]
    for member in members {
      let key = Array(member.key.utf8)
      if let place = places[key] {
        self.members[place].value = member.value
      } else {
        places[key] = self.members.count
        self.members.append(member)
      }
    }
  }

  /// Members that are known to have different names, without those that have no value.
  public init(present members: [(key: String, value: JSONValue?)]) {
    self.members.reserveCapacity(members.count)
    for case (let key, let value?) in members { self.members.append((key, value)) }
  }

  /// Members that are known to have different names, as they stand.
  public init(distinct members: [(key: String, value: JSONValue)]) { self.members = members }

  public var keys: [String] { members.map(\.key) }
  public var isEmpty: Bool { members.isEmpty }

  /// Reading: the member's value, or nil. Writing: replaces it in place, appends it, or (nil) removes it.
  public subscript(key: String) -> JSONValue? {
    get { index(of: key).map { members[$0].value } }
    set {
      switch (index(of: key), newValue) {
      case (let index?, let value?): members[index].value = value
      case (let index?, nil): members.remove(at: index)
      case (nil, let value?): members.append((key, value))
      case (nil, nil): break
      }
    }
  }

  /// Appends a member that is known to be new: the parser has checked, and large objects stay linear.
  mutating func appendNew(_ key: String, _ value: JSONValue) { members.append((key, value)) }

  private func index(of key: String) -> Int? {
    members.firstIndex { $0.key.hasSameBytes(as: key) }
  }

  /// Two objects are equal when they have the same members; their order does not matter.
  public static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.members.count == right.members.count
      && left.members.allSatisfy { member in right[member.key] == member.value }
  }
}
