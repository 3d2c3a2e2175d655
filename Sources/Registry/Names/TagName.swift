/// What a GTO tag does. Raw values are the names that GTO prints.
public enum EventKind: String, Sendable, CaseIterable, Hashable {
  case deprecation, registration, deregistration, assignment, unassignment
  /// `NAME@created`: in GTO's grammar, but GTO 1.10.1 neither writes nor survives it.
  case creation

  /// GTO's order for events of one second in its history (base.py).
  public var priority: Int {
    switch self {
    case .creation: 1
    case .deprecation: 2
    case .registration: 3
    case .deregistration: 4
    case .assignment: 5
    case .unassignment: 6
    }
  }

  /// Whether the event brings something into effect rather than ends it.
  var isAddition: Bool {
    switch self {
    case .creation, .registration, .assignment: true
    case .deprecation, .deregistration, .unassignment: false
    }
  }
}

/// A tag's name, taken apart. Source: GTO, constants.py, `tag_re`, and tag.py, `TagTemplates`.
///
/// | event | tag |
/// |---|---|
/// | registration | `churn@v1.0.0` |
/// | deregistration | `churn@v1.0.0!` |
/// | assignment | `churn#prod` |
/// | unassignment | `churn#prod!` |
/// | deprecation | `churn@deprecated` |
///
/// Each may end in a counter, `#7`; the `:` of an artifact's name is written `=`.
public struct TagName: Hashable, Sendable, CustomStringConvertible {
  public let kind: EventKind
  public let artifact: ArtifactName
  /// Of registrations and deregistrations.
  public let version: VersionName?
  /// Of assignments and unassignments.
  public let stage: StageName?
  public let counter: DecimalNumber?

  /// The tag as GTO writes it. The counter has no leading zeros here even where the text that was
  /// parsed had some.
  public var description: String {
    let cancel = kind == .deregistration || kind == .unassignment ? "!" : ""
    let subject =
      switch kind {
      case .registration, .deregistration: "@\(version?.text ?? "")"
      case .assignment, .unassignment: "#\(stage?.text ?? "")"
      case .deprecation: "@deprecated"
      case .creation: "@created"
      }
    return artifact.inTag + subject + cancel + (counter.map { "#\($0)" } ?? "")
  }

  private init(
    kind: EventKind, artifact: ArtifactName, version: VersionName? = nil, stage: StageName? = nil,
    counter: DecimalNumber?
  ) {
    self.kind = kind
    self.artifact = artifact
    self.version = version
    self.stage = stage
    self.counter = counter
  }
}

extension TagName {
  public static func registration(
    of artifact: ArtifactName, _ version: VersionName, counter: DecimalNumber? = nil
  ) -> TagName {
    TagName(kind: .registration, artifact: artifact, version: version, counter: counter)
  }

  public static func deregistration(
    of artifact: ArtifactName, _ version: VersionName, counter: DecimalNumber? = nil
  ) -> TagName {
    TagName(kind: .deregistration, artifact: artifact, version: version, counter: counter)
  }

  public static func assignment(
    of artifact: ArtifactName, to stage: StageName, counter: DecimalNumber? = nil
  ) -> TagName {
    TagName(kind: .assignment, artifact: artifact, stage: stage, counter: counter)
  }

  public static func unassignment(
    of artifact: ArtifactName, from stage: StageName, counter: DecimalNumber? = nil
  ) -> TagName {
    TagName(kind: .unassignment, artifact: artifact, stage: stage, counter: counter)
  }

  public static func deprecation(of artifact: ArtifactName, counter: DecimalNumber? = nil) -> TagName {
    TagName(kind: .deprecation, artifact: artifact, counter: counter)
  }
}

extension TagName {
  /// Takes a tag's name apart.
  ///
  /// - Parameter text: the name without `refs/tags/`.
  /// - Throws: ``InvalidName`` where it is no GTO tag, or none that Git would hold.
  public init(parsing text: String) throws(InvalidName) {
    guard let mark = text.utf8.firstIndex(where: { $0 == UInt8(ascii: "#") || $0 == UInt8(ascii: "@") })
    else { throw Self.invalid(text, "there is neither '@' nor '#'") }
    if let problem = RefRules.problem(in: text) { throw Self.invalid(text, problem.reason, problem.offset) }
    let artifact = try ArtifactName(inTag: String(text[..<mark]))
    let rest = text[text.utf8.index(after: mark)...]
    if text.utf8[mark] == UInt8(ascii: "#") {
      self = try Self.parsing(stage: rest, of: artifact, in: text)
    } else {
      self = try Self.parsing(version: rest, of: artifact, in: text)
    }
  }

  private static func parsing(
    stage rest: Substring, of artifact: ArtifactName, in text: String
  ) throws(InvalidName) -> TagName {
    let (subject, cancelled, counter) = try split(rest, in: text)
    let stage = try StageName(subject)
    return TagName(
      kind: cancelled ? .unassignment : .assignment, artifact: artifact, stage: stage, counter: counter)
  }

  private static func parsing(
    version rest: Substring, of artifact: ArtifactName, in text: String
  ) throws(InvalidName) -> TagName {
    let (subject, cancelled, counter) = try split(rest, in: text)
    if !cancelled, subject == "deprecated" || subject == "created" {
      let kind: EventKind = subject == "created" ? .creation : .deprecation
      return TagName(kind: kind, artifact: artifact, counter: counter)
    }
    let version = try VersionName(subject)
    return TagName(
      kind: cancelled ? .deregistration : .registration, artifact: artifact, version: version,
      counter: counter)
  }

  /// Splits `SUBJECT[!][#COUNTER]`.
  private static func split(
    _ rest: Substring, in text: String
  ) throws(InvalidName) -> (subject: String, cancelled: Bool, counter: DecimalNumber?) {
    let parts = rest.utf8.split(separator: UInt8(ascii: "#"), omittingEmptySubsequences: false)
    var counter: DecimalNumber?
    if parts.count == 2 {
      counter = DecimalNumber(String(decoding: parts[1], as: UTF8.self))
      if counter == nil { throw invalid(text, "the counter after the last '#' is not a number") }
    } else if parts.count > 2 {
      throw invalid(text, "there is one '#' too many")
    }
    let cancelled = parts[0].last == UInt8(ascii: "!")
    let subject = cancelled ? parts[0].dropLast() : parts[0]
    return (String(decoding: subject, as: UTF8.self), cancelled, counter)
  }

  private static func invalid(_ text: String, _ reason: String, _ offset: Int? = nil) -> InvalidName {
    InvalidName(
      kind: "tag name", value: text, reason: reason, offset: offset,
      allowed:
        "GTO's tags are NAME@VERSION, NAME@VERSION!, NAME#STAGE, NAME#STAGE! and NAME@deprecated, each with or without #COUNTER"
    )
  }
}
