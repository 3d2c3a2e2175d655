internal import Registry
import StrictJSON

/// The file `.gto` at the root of a repository: what a registry allows.
///
/// GTO 1.10: `config.py`, `RegistryConfig`. Like GTO, this reads the keys without regard to case and
/// refuses unknown ones; unlike GTO, it takes nothing from environment variables.
public struct GTOFile: Equatable, Sendable {
  /// The allowed types of annotated artifacts; nil allows any, an empty list none.
  public let types: [String]?
  /// The allowed stages; nil allows any, an empty list none.
  public let stages: [String]?
  /// The path of GTO's own annotations (`index:`) from the root, `artifacts.yaml` unless the file says otherwise.
  public let annotationsPath: String
  /// Whether the file has an `index:`, so that what it names should be there.
  public let namesAnnotations: Bool

  /// What a repository without the file has: anything is allowed.
  ///
  /// - Parameter index: in any spelling; nil: `artifacts.yaml`.
  public init(types: [String]? = nil, stages: [String]? = nil, index: String? = nil) {
    self.types = types
    self.stages = stages
    annotationsPath = Self.pathFromRoot(index ?? "artifacts.yaml")
    namesAnnotations = index != nil
  }

  /// Reads the file.
  ///
  /// - Parameters:
  ///   - bytes: the whole file; an empty one allows anything.
  ///   - file: its path, for errors.
  /// - Throws: ``RegistryFileError``. A file that cannot be read allows nothing: the caller must refuse
  ///   what depends on it.
  public init(
    parsing bytes: some Collection<UInt8>, file: String = ".gto", limits: YAMLLimits = YAMLLimits()
  ) throws(RegistryFileError) {
    let root = try YAMLNode(parsing: bytes, file: file, limits: limits)
    if case .null = root.content {
      self.init()
      return
    }
    let settings = try Self.lowercased(try FileSection(root, title: "the file", file: file))
    self.init(
      types: try Self.names("types", in: settings),
      stages: try Self.names("stages", in: settings),
      index: try Self.index(in: settings))
  }

  /// - Throws: where the path names the root itself.
  private static func index(in settings: FileSection) throws(RegistryFileError) -> String? {
    guard let index = try settings.string("index"), let node = settings.node["index"] else { return nil }
    if pathFromRoot(index).isEmpty {
      throw settings.error(.shape, "index must name a file, found \"\(index.escapedForMessage)\"", at: node)
    }
    return index
  }

  /// `./a`, `/a` and `b/../../a` are `a`: GTO takes the root for the folder that all paths start from, and for
  /// its own parent (scmrepo 3, fs.py, `_get_key`).
  private static func pathFromRoot(_ path: String) -> String {
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return parts.joined(separator: "/")
  }

  /// Whether a stage may be assigned; names compare as bytes.
  public func allows(stage: String) -> Bool { Self.list(stages, allows: stage) }

  /// Whether an artifact may be annotated with a type; names compare as bytes.
  public func allows(type: String) -> Bool { Self.list(types, allows: type) }

  private static func list(_ list: [String]?, allows name: String) -> Bool {
    guard let list else { return true }
    return list.contains { $0.utf8.elementsEqual(name.utf8) }
  }

  /// Keys that only GTO's command line uses. Their values are not looked at.
  private static let ignored = [
    "autoload_enrichments", "config_file_name", "debug", "emojis", "enrichments", "log_level",
  ]

  /// The settings under their lower-case names.
  private static func lowercased(_ section: FileSection) throws(RegistryFileError) -> FileSection {
    let known = ["types", "stages", "index"] + ignored
    var members: [YAMLNode.Member] = []
    var seen: Set<String> = []
    for (key, keyNode, value) in try section.members() {
      let name = key.lowercased()
      guard known.contains(name) else { throw section.unknownKey(key, at: keyNode, known: known) }
      guard seen.insert(name).inserted else {
        throw section.error(.duplicateKey, "\(name) stands here for the second time; remove one", at: keyNode)
      }
      let lowercased = YAMLNode(content: .string(name), line: keyNode.line, column: keyNode.column)
      members.append(YAMLNode.Member(key: lowercased, value: value))
    }
    let root = YAMLNode(content: .mapping(members), line: section.node.line, column: section.node.column)
    return try FileSection(root, title: section.title, file: section.file)
  }

  private static func names(_ key: String, in settings: FileSection) throws(RegistryFileError) -> [String]? {
    guard let entries = try settings.strings(key, allowsNull: true) else { return nil }
    for (name, node) in entries where !PlainName.isName(name) {
      throw settings.error(
        .invalidName, "\"\(name.escapedForMessage)\" is no name; \(PlainName.allowed)", at: node)
    }
    return entries.map(\.text)
  }
}
