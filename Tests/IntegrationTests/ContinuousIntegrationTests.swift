import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// The examples of deploy/ci: their shell steps run against a real worker, with the variables that the
/// forge's runner would set.
@Suite(.serialized)
struct ContinuousIntegrationTests {
  /// A remote with two annotated artifacts and the scripts that the examples call; each script prints its
  /// arguments to a file.
  private func remote() throws -> GitFixture {
    let script = "#!/bin/sh\nprintf '%s' \"$(basename \"$0\")\" >> done; printf '|%s' \"$@\" >> done\n"
    let remote = try GitFixture(files: [
      ".gto": "types: [model]\nstages: [dev, prod]\n",
      "artifacts.yaml": "churn:\n  type: model\n  path: models/churn 1.pkl\n",
      "models/dvc.yaml": "artifacts:\n  fraud:\n    type: model\n    path: fraud.pkl\n",
      "train.sh": script, "deploy.sh": script, "withdraw.sh": script,
    ])
    return remote
  }

  @Test(
    "a training job asks the worker, and asking again does nothing twice", arguments: ["github", "gitlab"])
  func training(forge: String) throws {
    let remote = try remote()
    let worker = try WorkerFixture(["churn": remote.path])
    let job = try ForgeJob(forge, "train.yml", remote, worker)
    let commit = try remote.git("rev-parse", "main")
    for _ in 1...2 {
      let run = try job.run(ref: "refs/heads/main", commit: commit)
      try #require(run.exit == .success, "\(run.text) \(run.errorText)")
      #expect(try job.text("promotion.json").contains("\"version\": \"v0.0.1\""))
    }
    #expect(try job.text("done") == "train.sh|train.sh|")
    #expect(try remote.tags() == ["churn#dev#1", "churn@v0.0.1"])
    let message = try remote.git("tag", "--list", "--format=%(contents:subject)", "churn#dev#1")
    #expect(message.hasPrefix("Trained by https://forge.example/"), "\(message)")
    // What the worker refuses fails the job.
    try remote.commit(files: [".gto": "stages: [prod]\n"], time: 1_700_000_500)
    let refused = try job.run(ref: "refs/heads/main", commit: "main", runNumber: 2)
    #expect(refused.exit == .exited(code: 65), "\(refused.text) \(refused.errorText)")
    try worker.stop()
  }

  @Test(
    "a job that a tag starts learns what to deploy",
    arguments: ["github", "gitlab"], ["deploy.yml", "deploy-gto.yml"])
  func deployment(forge: String, file: String) throws {
    let remote = try remote()
    let worker = try WorkerFixture(["churn": remote.path])
    try worker.ask("register", "churn", "--version", "v1.2.0")
    try worker.ask("assign", "churn", "--version", "v1.2.0", "--stage", "prod")
    try worker.ask("unassign", "churn", "v1.2.0", "prod")
    let job = try ForgeJob(forge, file, remote, worker)
    for (tag, done) in [
      ("churn#prod#1", "deploy.sh|churn|v1.2.0|prod|model|models/churn 1.pkl"),
      ("churn#prod!#2", "withdraw.sh|churn|v1.2.0|prod"),
    ] {
      #expect(try job.isStarted(byTag: tag), "\(tag)")
      let run = try job.run(ref: "refs/tags/\(tag)", commit: "\(tag)^{commit}")
      try #require(run.exit == .success, "\(run.text) \(run.errorText)")
      #expect(try job.text("done") == done)
      try job.forget()
    }
    for other in ["churn@v1.2.0", "churn#dev#1", "v1.0.0"] {
      #expect(try !job.isStarted(byTag: other), "\(other)")
    }
    // A tag that only looks like a promotion fails the job instead of deploying nothing silently.
    try remote.git("update-ref", "refs/tags/churn#prod#77", "main")
    let run = try job.run(ref: "refs/tags/churn#prod#77", commit: "main")
    #expect(run.exit != .success && run.text.contains("no promotion"), "\(run.text) \(run.errorText)")
    try worker.stop()
  }

  @Test(
    "type and path of an artifact that DVC's file in a folder annotates", arguments: ["github", "gitlab"])
  func dvc(forge: String) throws {
    let remote = try remote()
    let worker = try WorkerFixture(["churn": remote.path])
    try worker.ask("assign", "models:fraud", "main", "--stage", "prod")
    let job = try ForgeJob(forge, "deploy.yml", remote, worker)
    #expect(try job.isStarted(byTag: "models=fraud#prod#1"))
    let run = try job.run(ref: "refs/tags/models=fraud#prod#1", commit: "main")
    try #require(run.exit == .success, "\(run.text) \(run.errorText)")
    #expect(try job.text("done") == "deploy.sh|models:fraud|v0.0.1|prod|model|models/fraud.pkl")
    try worker.stop()
  }

  @Test("a job fails where the worker is not there")
  func noWorker() throws {
    let remote = try remote()
    let worker = try WorkerFixture(["churn": remote.path])
    try worker.ask("assign", "churn", "main", "--stage", "prod")
    try worker.stop()
    for forge in ["github", "gitlab"] {
      let job = try ForgeJob(forge, "deploy.yml", remote, worker)
      let run = try job.run(ref: "refs/tags/churn#prod#1", commit: "main")
      #expect(run.exit == .exited(code: 69), "\(run.text) \(run.errorText)")
    }
  }
}
