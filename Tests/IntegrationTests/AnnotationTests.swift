import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// What the repository's files say of artifacts, as the commands tell it.
@Suite(.serialized)
struct AnnotationTests {
  private static let config = "types: [model, dataset]\nstages: [dev, prod]\n"

  /// Annotated by GTO's file at the root and by DVC's in two folders.
  private func annotatedRemote() throws -> GitFixture {
    let remote = try GitFixture(files: [
      ".gto": Self.config,
      "artifacts.yaml": "churn:\n  type: model\n  path: models/churn.pkl\n  labels: [daily]\n",
      "models/dvc.yaml":
        "artifacts:\n  fraud:\n    type: model\n    path: fraud.pkl\n    desc: Finds fraud\n",
      "data/raw/dvc.yaml": "artifacts:\n  events:\n    path: s3://bucket/events\n    type: dataset\n",
    ])
    try remote.tag("churn@v1.0.0")
    try remote.tag("models=fraud@v1.0.0")
    return remote
  }

  @Test("describe, show and check-ref know annotations of all files")
  func reads() throws {
    let remote = try annotatedRemote()
    let worker = try WorkerFixture(["demo": remote.path])
    let churn = try worker.ask("describe", "churn")
    #expect(
      churn == [
        "type": "model", "path": "models/churn.pkl", "virtual": true, "labels": ["daily"], "description": "",
        "custom": .null,
      ], "\(churn)")
    let fraud = try worker.ask("describe", "models:fraud")
    #expect(fraud["path"] == "models/fraud.pkl" && fraud["description"] == "Finds fraud", "\(fraud)")
    #expect(try worker.ask("describe", "data/raw:events")["path"] == "s3://bucket/events")
    // Nobody is in a stage yet; what the file lists is told all the same.
    #expect(try worker.ask("stages") == ["dev", "prod"] && worker.ask("stages", "--used") == [])
    #expect(try worker.stagekeeper("describe", "models:fraud", "--type").text == "model\n")
    // What is annotated only has no version yet; GTO marks it so.
    let table = try worker.stagekeeper("show", "--plain").text
    #expect(table.contains("*data/raw:events"), "\(table)")
    let show = try worker.ask("show")
    #expect(
      show["data/raw:events"]?["registered"] == false && show["churn"]?["registered"] == true, "\(show)")
    try worker.ask("assign", "models:fraud", "--version", "v1.0.0", "--stage", "prod")
    let event = try worker.ask("check-ref", "refs/tags/models=fraud#prod#1")
    #expect(event["type"] == "model" && event["path"] == "models/fraud.pkl", "\(event)")
    #expect(event["event"] == "assignment" && event["stage"] == "prod", "\(event)")
    try worker.stop()
  }

  @Test("the version's own commit counts, also after the file changed")
  func versions() throws {
    let remote = try annotatedRemote()
    try remote.commit(files: [
      ".gto": Self.config + "index: registry/annotations.yaml\n",
      "registry/annotations.yaml": "churn:\n  type: model\n  path: models/churn.onnx\n",
    ])
    try remote.tag("churn@v2.0.0")
    let worker = try WorkerFixture(["demo": remote.path])
    // `index:` of the commit's own .gto names the file.
    #expect(try worker.ask("describe", "churn")["path"] == "models/churn.onnx")
    #expect(try worker.ask("describe", "churn@v1.0.0")["path"] == "models/churn.pkl")
    #expect(try worker.ask("check-ref", "churn@v1.0.0")["path"] == "models/churn.pkl")
    #expect(try worker.ask("check-ref", "churn@v2.0.0")["path"] == "models/churn.onnx")
    try worker.stop()
  }

  @Test("a shortcut that finds nothing is answered with nothing, and takes no rev")
  func shortcuts() throws {
    let remote = try annotatedRemote()
    try remote.commit(files: ["artifacts.yaml": "churn:\n  type: model\n  path: models/churn.onnx\n"])
    let worker = try WorkerFixture(["demo": remote.path])
    #expect(try worker.ask("describe", "churn")["path"] == "models/churn.onnx")
    for name in ["churn#prod", "churn@v9.9.9", "unknown@latest"] {
      #expect(try worker.ask("describe", name) == [:], "\(name)")
      let path = try worker.stagekeeper("describe", name, "--path")
      #expect(path.exit == .success && path.text.isEmpty, "\(path)")
    }
    try worker.ask("assign", "churn", "--version", "v1.0.0", "--stage", "prod")
    #expect(try worker.ask("describe", "churn#prod")["path"] == "models/churn.pkl")
    try worker.ask("unassign", "churn", "v1.0.0", "prod")
    #expect(try worker.ask("describe", "churn#prod") == [:])
    let both = try worker.stagekeeper("describe", "churn#prod", "--rev", "main")
    #expect(both.exit == .exited(code: 64) && both.errorText.contains("'churn#prod'"), "\(both)")
    #expect(try worker.ask("describe", "churn", "--rev", "churn@v1.0.0")["path"] == "models/churn.pkl")
    try worker.stop()
  }

  @Test("doctor reports types that are not listed and files that can't be read")
  func doctor() throws {
    let remote = try annotatedRemote()
    let worker = try WorkerFixture(["demo": remote.path])
    #expect(try worker.ask("doctor")["findings"] == [])
    try remote.commit(files: [
      "artifacts.yaml": "churn:\n  type: notebook\n", "broken/dvc.yaml": "artifacts:\n  a: {path: [}\n",
    ])
    let findings = try worker.stagekeeper("doctor", "--fresh", "--json")
    #expect(findings.exit == .exited(code: 65), "\(findings)")
    let found = (findings.json["findings"]?.arrayValue ?? []).map { finding in
      "\(finding["code"]?.stringValue ?? "") \(finding["message"]?.stringValue ?? "")"
    }
    #expect(found.count == 2, "\(found)")
    #expect(
      found.contains { $0.hasPrefix("repository_file broken/dvc.yaml:2:") }
        && found.contains {
          $0.hasPrefix("type_not_allowed ") && $0.contains("'churn'") && $0.contains("notebook")
        },
      "\(found)")
    #expect(try worker.stagekeeper("doctor").text.contains("type_not_allowed"))
    // What is annotated can be told, also beside files that can't be read; of others it is not known.
    #expect(try worker.ask("describe", "churn")["type"] == "notebook")
    let unknown = try worker.stagekeeper("describe", "fraud", "--json")
    #expect(
      unknown.errorCode == "repository_file_invalid" && unknown.everything.contains("broken/dvc.yaml:2:"))
    // A type that is listed later is fine.
    try remote.commit(files: [
      ".gto": "types: [model, dataset, notebook]\n", "broken/dvc.yaml": "artifacts:\n",
    ])
    #expect(try worker.stagekeeper("doctor", "--fresh").exit == .success)
    // A list that can't be read is a finding too, and types are not judged by it.
    try remote.commit(files: [".gto": "types: [model\n"])
    let broken = try worker.stagekeeper("doctor", "--fresh", "--json")
    #expect(
      broken.json["findings"]?[0]?.objectValue?.keys == ["code", "refs", "message", "advice"], "\(broken)")
    #expect(broken.json["findings"]?.arrayValue?.count == 1, "\(broken)")
    #expect(
      broken.json["findings"]?[0]?["message"]?.stringValue?.hasPrefix(".gto:2:1: ") == true, "\(broken)")
    try worker.stop()
  }
}
