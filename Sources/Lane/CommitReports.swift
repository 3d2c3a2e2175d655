internal import GitRemote
internal import LaneProtocol
internal import Registry
internal import RegistryFiles
internal import StrictJSON

extension LaneRepository {
  /// The commits that can be read; others are left out.
  func commits(_ ids: [Registry.ObjectID]) throws(GitRemoteError) -> [CommitRecord] {
    try remote.readCommits(try ids.map(remoteID)).compactMap(CommitRecord.init)
  }

  /// What every `dvc.yaml` and `artifacts.yaml` at the root say at a commit. Where both name an artifact,
  /// `artifacts.yaml` counts, which is the one that GTO reads. A file that can't be read is a problem and no
  /// more: it must not hide the others.
  func annotations(_ id: Registry.ObjectID) throws(GitRemoteError) -> CommitAnnotations {
    let commit = try remoteID(id)
    var found = CommitAnnotations(commit: id, artifacts: [], problems: [])
    for path in try dvcFiles(at: commit, &found.problems) {
      let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
      _ = try read(path, at: commit, into: &found, isFromDVC: true) { bytes throws(RegistryFileError) in
        try AnnotationFile(dvcYAML: bytes, folder: folder, limits: Self.yamlLimits)
      }
    }
    let configuration = try configuration(at: commit)
    let index = configuration.annotationsPath
    // GTO's paths are as the file says them, wherever it is.
    let isThere = try read(index, at: commit, into: &found, isFromDVC: false) {
      bytes throws(RegistryFileError) in
      try AnnotationFile(artifactsYAML: bytes, file: index, limits: Self.yamlLimits)
    }
    if !isThere, configuration.namesAnnotations {
      found.problems.append(".gto: index names \(index.escapedForMessage), which is not there")
    }
    return found
  }

  private func dvcFiles(
    at commit: GitRemote.ObjectID, _ problems: inout [String]
  ) throws(GitRemoteError) -> ArraySlice<String> {
    do throws(GitRemoteError) {
      return try remote.listFiles(commit: commit, named: "dvc.yaml").prefix(Self.fileLimit)
    } catch {
      guard error.isOfFile else { throw error }
      problems.append("dvc.yaml: \(error.message)")
      return []
    }
  }

  /// The commit's own `.gto`, which is what the annotations of that commit were written with. One that can't be
  /// read names no other file.
  private func configuration(at commit: GitRemote.ObjectID) throws(GitRemoteError) -> GTOFile {
    do throws(GitRemoteError) {
      let bytes = try remote.readFile(commit: commit, path: ".gto") ?? []
      return (try? GTOFile(parsing: bytes)) ?? GTOFile()
    } catch {
      guard error.isOfFile else { throw error }
      return GTOFile()
    }
  }

  /// What is read crosses two more processes as JSON, in answers that nest it further.
  private static let yamlLimits = YAMLLimits(maximumDepth: 32)

  /// The most `dvc.yaml` files of one commit that are read.
  private static let fileLimit = 1000

  /// - Returns: whether there is something at the path.
  private func read(
    _ path: String, at commit: GitRemote.ObjectID, into found: inout CommitAnnotations, isFromDVC: Bool,
    _ parse: ([UInt8]) throws(RegistryFileError) -> AnnotationFile
  ) throws(GitRemoteError) -> Bool {
    do {
      guard let bytes = try remote.readFile(commit: commit, path: path) else { return false }
      let file = try parse(bytes)
      found.problems += file.unusable.map(\.description)
      for annotation in file.annotations.values.sorted(by: { $0.line < $1.line }) {
        guard let name = try? ArtifactName(annotation.name) else { continue }
        found.artifacts.append(
          AnnotatedArtifact(name: name, annotation: ArtifactAnnotation(annotation, isFromDVC: isFromDVC)))
      }
    } catch let error as RegistryFileError {
      found.problems.append(error.description)
    } catch let error as GitRemoteError {
      guard error.isOfFile else { throw error }
      found.problems.append("\(path.escapedForMessage): \(error.message)")
    } catch {
      found.problems.append("\(path.escapedForMessage): \(error)")
    }
    return true
  }
}

extension GitRemoteError {
  /// The fault is the file's, so that other files of the commit can still be read.
  var isOfFile: Bool { code == .tooLarge || code == .notRegularFile }
}

extension ArtifactAnnotation {
  fileprivate init(_ annotation: Annotation, isFromDVC: Bool) {
    self.init(
      type: annotation.type, path: isFromDVC ? annotation.pathFromRoot : annotation.path,
      isVirtual: annotation.isVirtual, labels: annotation.labels, description: annotation.description ?? "",
      custom: annotation.custom ?? .null, isFromDVC: isFromDVC)
  }
}

extension CommitRecord {
  /// Nil where the author or the committer can't be read.
  fileprivate init?(_ commit: CommitObject) {
    guard let id = Registry.ObjectID(commit.id.description),
      let author = commit.author.map(Signature.init), let committer = commit.committer.map(Signature.init)
    else { return nil }
    self.init(
      id: id, author: author, committer: committer, message: commit.encoding.text(of: commit.message))
  }
}
