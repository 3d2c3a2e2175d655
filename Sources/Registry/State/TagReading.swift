import StrictJSON

/// What one reported tag amounts to: an event or none, and what is wrong with it.
struct TagReading {
  /// The ref's name taken apart; nil where it is no GTO tag.
  let refName: TagName?
  let event: Event?
  let problems: [TagProblem]

  init(_ record: TagRecord) {
    guard let refName = try? TagName(parsing: record.ref) else {
      self.init(refName: nil, event: nil, problems: Self.lookAlikeProblem(record.ref))
      return
    }
    guard let annotation = record.annotation else {
      let problem = record.unread.map { TagProblem.unread(record.ref, $0) } ?? .lightweight(record.ref)
      self.init(refName: refName, event: nil, problems: [problem])
      return
    }
    let (event, problem) = Self.event(record, annotation, refName)
    let flaws = event == nil ? [] : Self.flaws(record.ref, annotation)
    self.init(refName: refName, event: event, problems: [problem].compactMap { $0 } + flaws)
  }

  private init(refName: TagName?, event: Event?, problems: [TagProblem]) {
    self.refName = refName
    self.event = event
    self.problems = problems
  }

  /// GTO goes by the name inside the tag object (scmrepo's `get_tag`), so this does too: two readers
  /// of one repository must not disagree about what is in production.
  private static func event(
    _ record: TagRecord, _ annotation: TagRecord.Annotation, _ refName: TagName
  ) -> (Event?, TagProblem?) {
    var name = refName
    var problem: TagProblem?
    if !annotation.name.hasSameBytes(as: record.ref) {
      problem = .otherName(record.ref, inside: annotation.name)
      guard let inside = try? TagName(parsing: annotation.name) else { return (nil, problem) }
      name = inside
    }
    if name.kind == .creation { return (nil, .reserved(record.ref)) }
    guard let tagger = annotation.tagger else { return (nil, .noTagger(record.ref)) }
    guard let commit = annotation.commit else { return (nil, .noCommit(record.ref)) }
    let event = Event(
      name: name, tag: annotation.name, ref: record.ref, objectID: record.objectID, commit: commit,
      tagger: tagger, message: annotation.message.trimmedAsPython)
    return (event, problem)
  }

  private static func flaws(_ ref: String, _ annotation: TagRecord.Annotation) -> [TagProblem] {
    var flaws: [TagProblem] = []
    if annotation.isNested { flaws.append(.nested(ref)) }
    if !annotation.isUTF8 { flaws.append(.messageNotUTF8(ref)) }
    guard let tagger = annotation.tagger else { return flaws }
    if tagger.name.isEmpty || tagger.email.isEmpty { flaws.append(.emptyTagger(ref)) }
    if !tagger.time.isSane { flaws.append(.badTime(ref)) }
    return flaws
  }

  /// Tags of people's own are none of our business; one that looks as if it was meant for GTO is.
  private static func lookAlikeProblem(_ ref: String) -> [TagProblem] {
    let isLookAlike =
      ref.utf8.contains(UInt8(ascii: "#")) || ref.contains("@v") || ref.contains("@deprecated")
    return isLookAlike ? [.unparseable(ref)] : []
  }
}

extension TagProblem {
  fileprivate static func lightweight(_ ref: String) -> TagProblem {
    TagProblem(
      .lightweight, [ref], "is a lightweight tag, so it has no effect, though its counter is used up",
      advice: "delete it, or ask for what it was meant to do")
  }

  fileprivate static func unread(_ ref: String, _ why: TagRecord.Unread) -> TagProblem {
    switch why {
    case .tooLarge:
      TagProblem(
        .tooLarge, [ref], "is too large to be read, so its artifact can't be changed",
        advice: "delete it and tag again with a shorter message")
    case .hidden:
      TagProblem(
        .hidden, [ref],
        "is hidden by the server from who fetches, so nobody can tell what it does, though its counter is used up",
        advice: "have the server show it (uploadpack.hideRefs)")
    }
  }

  fileprivate static func unparseable(_ ref: String) -> TagProblem {
    let reason: String
    do throws(InvalidName) {
      _ = try TagName(parsing: ref)
      reason = "can't be read"
    } catch {
      reason = "looks like a GTO tag but is none (\(error.reason))"
    }
    return TagProblem(.unparseable, [ref], reason, advice: "delete it if it was meant for GTO")
  }

  fileprivate static func reserved(_ ref: String) -> TagProblem {
    TagProblem(
      .reserved, [ref], "is in GTO's grammar but not in its code: gto 1.10.1 fails on it",
      advice: "delete it",
      breaksGTO: true)
  }

  fileprivate static func otherName(_ ref: String, inside name: String) -> TagProblem {
    let isReadable = (try? TagName(parsing: name)) != nil
    return TagProblem(
      .otherName, [ref],
      "is called \"\(name.escapedForMessage)\" inside its tag object"
        + (isReadable ? ", and that name is what counts" : ", which is no GTO name, so it has no effect"),
      advice: "delete the ref and tag again", breaksGTO: !isReadable)
  }

  fileprivate static func noTagger(_ ref: String) -> TagProblem {
    TagProblem(
      .noTagger, [ref], "has no tagger, so it has no time and no effect", advice: "delete it and tag again",
      breaksGTO: true)
  }

  fileprivate static func noCommit(_ ref: String) -> TagProblem {
    TagProblem(
      .noCommit, [ref], "leads to no commit, so it has no effect", advice: "delete it and tag a commit",
      breaksGTO: true)
  }

  fileprivate static func nested(_ ref: String) -> TagProblem {
    TagProblem(
      .nested, [ref], "points at another tag object; it is followed to the commit, which gto does not do",
      advice: "delete it and tag the commit", breaksGTO: true)
  }

  fileprivate static func messageNotUTF8(_ ref: String) -> TagProblem {
    TagProblem(
      .messageNotUTF8, [ref], "has a message that is not UTF-8", advice: "delete it and tag again",
      breaksGTO: true)
  }

  fileprivate static func emptyTagger(_ ref: String) -> TagProblem {
    TagProblem(
      .emptyTagger, [ref], "has a tagger without a name or an e-mail address",
      advice: "delete it and tag again", breaksGTO: true)
  }

  fileprivate static func badTime(_ ref: String) -> TagProblem {
    TagProblem(
      .badTime, [ref], "has a time or a time zone that does not exist", advice: "delete it and tag again",
      breaksGTO: true)
  }
}

extension String {
  /// Without white space at both ends, by Python's idea of it (`str.strip`), which is how GTO shows
  /// messages.
  var trimmedAsPython: String {
    let scalars = unicodeScalars
    guard let first = scalars.firstIndex(where: { !$0.isPythonSpace }),
      let last = scalars.lastIndex(where: { !$0.isPythonSpace })
    else { return "" }
    return String(scalars[first...last])
  }
}

extension Unicode.Scalar {
  fileprivate var isPythonSpace: Bool { properties.isWhitespace || (0x1C...0x1F).contains(value) }
}
