import StagekeeperClient

/// Promotes a version and prints what is in production: `client-example REPOSITORY ARTIFACT VERSION`.
func promote(repository: String, artifact: String, version: String) async throws(ClientError) {
  let client = StagekeeperClient()

  // The same key for every try of this pipeline: however often it runs, the version is promoted once.
  var request = WriteRequest(
    .assign, repository: repository, artifact: artifact, version: version, stage: "prod")
  request.requestKey = "pipeline-4711"

  let job = try await client.perform(request, timeout: .seconds(60)) { job in
    print("job \(job.job): \(job.state.rawValue)")
  }
  print("made \(job.ref ?? "no tag") at commit \(job.commit ?? "?")")

  let production = try await client.read(ShowRequest(repository: repository, name: "\(artifact)#prod"))
  for version in production.value.arrayValue ?? [] {
    print("in production: \(version["version"]?.stringValue ?? "?")")
  }
}

let words = CommandLine.arguments.dropFirst()
if words.count == 3 {
  let words = Array(words)
  do throws(ClientError) {
    try await promote(repository: words[0], artifact: words[1], version: words[2])
  } catch {
    switch error.category {
    case .refused: print("refused: \(error.message)")
    case .retry: print("not done yet: \(error.message); job \(error.job?.job ?? "unknown")")
    default: print("failed: \(error.message)")
    }
  }
} else {
  print("usage: client-example REPOSITORY ARTIFACT VERSION")
}
