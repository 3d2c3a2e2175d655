import Foundation
import Registry
import StrictJSON
import Testing

typealias Annotations = [(name: ArtifactName, annotation: ArtifactAnnotation)]

/// A repository made up from a seed: commits, tags of every kind, and things that are no GTO tags. It
/// holds nothing that GTO 1.10.1 fails on.
struct GeneratedRepository {
  let seed: Int
  /// For `git fast-import`.
  private(set) var stream = ""
  private(set) var refs: Set<String> = []
  private(set) var annotations: [Annotations] = []
  /// Whether a commit without a version has stage tags; GTO lists such a commit several times.
  private(set) var hasUnversionedStages = false
  let artifacts: [String]
  let stages: [String]

  private var random: SeededRandom
  private var clock = 1_700_000_000
  private var counters: [String: Int] = [:]
  /// artifact, commit → the one version that is there.
  private var versionAt: [String: [Int: String]] = [:]
  private let allowsUnversionedStages: Bool
  private let sameSecondPercent: Int

  private static let versions = [
    "v0.0.1", "v0.0.2", "v0.1.0", "v1.0.0", "v1.0.0-rc.1", "v1.0.0-rc.2", "v1.0.0-alpha", "v1.0.0-1.x",
    "v1.0.0+build.7", "v1.0.0+build.8", "v1.2.3", "v1.10.0", "v2.0.0-0.3.7", "v10.0.0",
    "v99999999999999999999.0.0",
  ]

  init(seed: Int, sameSecondPercent: Int = 0) {
    self.seed = seed
    self.sameSecondPercent = sameSecondPercent
    random = SeededRandom(seed: seed)
    let names = ["churn", "models:churn", "models/eu:segment", "a", "x/y-z_0", "CV.d/../n:net9".dropDotDot]
    artifacts = Array(names.shuffled(using: &random).prefix(Int.random(in: 1...4, using: &random)))
    stages = Array(["dev", "prod", "eu/canary", "5"].shuffled(using: &random).prefix(3))
    allowsUnversionedStages = random.chance(40)
    makeCommits(Int.random(in: 2...8, using: &random))
    for _ in 0..<Int.random(in: 3...40, using: &random) { makeTag() }
  }

  // MARK: Commits

  private mutating func makeCommits(_ count: Int) {
    for index in 0..<count {
      clock += Int.random(in: 1...5000, using: &random)
      let late = random.chance(10) ? 400_000 : 0
      var files = ""
      var known: Annotations = []
      if random.chance(30) { (files, known) = annotationFile() }
      annotations.append(known)
      let message = random.pick(["Train", "Train again\n\nWith a body\n", "Überarbeitet ✓\n"])
      stream += """
        commit refs/heads/main
        mark :\(index + 1)
        author \(person()) \(clock - 50) \(zone())
        committer \(person()) \(clock + late) \(zone())
        \(data(message))\(index > 0 ? "from :\(index)\n" : "")\(files.isEmpty ? "D artifacts.yaml\n" : files)

        """
    }
  }

  private mutating func annotationFile() -> (String, Annotations) {
    var text = ""
    var known: Annotations = []
    for name in ["churn", "a", "only-annotated"] where random.chance(60) {
      let annotation = ArtifactAnnotation(
        type: random.chance(50) ? "model" : nil, path: random.chance(50) ? "models/\(name).pkl" : nil,
        labels: random.chance(50) ? ["l1", "l2"] : [], description: random.chance(30) ? "what it is" : "",
        custom: random.chance(30) ? ["k": 1] : .null)
      text += "\(name): {type: \(annotation.type ?? "null"), path: \(annotation.path ?? "null"), "
      text +=
        "labels: [\(annotation.labels.joined(separator: ", "))], description: '\(annotation.description)', "
      text += "custom: \(annotation.custom == .null ? "null" : "{k: 1}")}\n"
      if let name = try? ArtifactName(name) { known.append((name, annotation)) }
    }
    return text.isEmpty ? ("", []) : ("M 100644 inline artifacts.yaml\n" + data(text), known)
  }

  // MARK: Tags

  private mutating func makeTag() {
    if !random.chance(sameSecondPercent) { clock += Int.random(in: 1...40_000, using: &random) }
    if random.chance(8) { return addForeign() }
    let artifact = random.pick(artifacts)
    let commit = Int.random(in: 0..<annotations.count, using: &random)
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<35: register(artifact, commit)
    case 35..<45: deregister(artifact, commit)
    case 45..<80: stageTag(artifact, commit, cancel: false)
    case 80..<92: stageTag(artifact, commit, cancel: true)
    default: add(artifact, "@deprecated", commit, counterPercent: 50)
    }
  }

  private mutating func register(_ artifact: String, _ commit: Int) {
    let version = versionAt[artifact]?[commit] ?? random.pick(Self.versions)
    let isElsewhere = versionAt[artifact]?.contains { $0.key != commit && $0.value == version } ?? false
    if isElsewhere, !random.chance(15) { return }
    if add(artifact, "@\(version)", commit, counterPercent: 30) {
      versionAt[artifact, default: [:]][commit] = version
    }
  }

  private mutating func deregister(_ artifact: String, _ commit: Int) {
    guard let version = versionAt[artifact]?[commit] else { return }
    add(artifact, "@\(version)!", commit, counterPercent: 30)
  }

  private mutating func stageTag(_ artifact: String, _ commit: Int, cancel: Bool) {
    var commit = commit
    if versionAt[artifact]?[commit] == nil, cancel || !allowsUnversionedStages {
      guard let versioned = versionAt[artifact]?.keys.sorted(), !versioned.isEmpty else { return }
      commit = random.pick(versioned)
    }
    if versionAt[artifact]?[commit] == nil {
      hasUnversionedStages = true
    }
    add(artifact, "#\(random.pick(stages))\(cancel ? "!" : "")", commit, counterPercent: 90)
  }

  /// Returns whether the tag has an effect: a few are lightweight, and a name can be taken.
  @discardableResult
  private mutating func add(
    _ artifact: String, _ subject: String, _ commit: Int, counterPercent: Int
  ) -> Bool {
    var ref = artifact.replacing(":", with: "=") + subject
    if random.chance(counterPercent) {
      counters[artifact, default: 0] += 1
      ref += "#\(counters[artifact, default: 0])"
    }
    guard refs.insert(ref).inserted else { return false }
    if random.chance(5) {
      stream += "reset refs/tags/\(ref)\nfrom :\(commit + 1)\n\n"
      return false
    }
    let message = random.pick(["A message", "  spaces around \n\n", "Zwei\nZeilen\n", "", "\"quoted\" \\ ✓"])
    stream += """
      tag \(ref)
      from :\(commit + 1)
      tagger \(person()) \(clock) \(zone())
      \(data(message))
      """
    return true
  }

  private mutating func addForeign() {
    let ref = random.pick(["release/1.0", "v1.0.0", "churn@1.0", "a#b#c", "x@v1", "nightly", "churn@v1.0.0#"])
    guard refs.insert(ref).inserted else { return }
    stream += "tag \(ref)\nfrom :1\ntagger \(person()) \(clock) +0000\n\(data("m"))"
  }

  private mutating func person() -> String {
    random.pick(["Ann <ann@example.com>", "Bo Ö. <bo@example.com>", "CI <ci@example.com>"])
  }

  private mutating func zone() -> String { random.pick(["+0000", "+0530", "-0800", "+1245"]) }

  private func data(_ text: String) -> String { "data \(text.utf8.count)\n\(text)\n" }
}

extension String {
  fileprivate var dropDotDot: String { replacing("/..", with: "") }
}

/// A repository that exists, and what the tested code makes of it.
struct ReadRepository {
  let path: String
  let state: RegistryState
  let tags: [TagRecord]
  let commits: [CommitRecord]
  let head: ObjectID

  /// Makes it with git and reads it back.
  init(_ generated: GeneratedRepository, _ driver: GTODriver, config: String? = nil) throws {
    let path = driver.directory.appending(path: "\(generated.seed)").path()
    let answer = try driver.ask(
      "make",
      [
        ("dir", .string(path)), ("stream", .string(generated.stream)),
        ("config", config.map { .string($0) } ?? .null),
      ])
    try self.init(path: path, answer, annotations: generated.annotations)
  }

  /// - Parameter annotations: of each commit, oldest first.
  init(path: String, _ answer: JSONValue, annotations: [Annotations]) throws {
    self.path = path
    tags = try (answer["tags"]?.arrayValue ?? []).map { try TagRecord($0) }
    commits = try (answer["commits"]?.arrayValue ?? []).map { try CommitRecord($0) }
    head = try #require(ObjectID(answer["head"]?.stringValue ?? ""))
    var state = RegistryState(tags: tags, commits: commits, head: head)
    let byTime = commits.sorted { $0.author.time.seconds < $1.author.time.seconds }
    for (commit, known) in zip(byTime, annotations) where !known.isEmpty {
      state.setAnnotations(known, at: commit.id)
    }
    self.state = state
  }
}
