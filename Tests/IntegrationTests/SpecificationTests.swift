import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// What `proto-spec` promises, against the real worker.
@Suite(.serialized)
struct SpecificationTests {
  @Test func vectors() throws {
    // That of GTO has jsonschema, so that requests and replies are held against the schema.
    let python = try BuiltProgram.gto().replacing(/gto$/, with: "python3")
    let output = try Program.run(
      python,
      [
        "\(BuiltProgram.sources)/proto-spec/vectors/run.py", "--worker",
        try BuiltProgram.path("stagekeeperd"),
      ])
    #expect(output.exit == .success, "\(output.text)\(output.errorText)")
    #expect(output.text.contains(" 0 failed"), "\(output.text)")
    #expect(!output.text.contains("note:"), "\(output.text)")
  }

  @Test("the example client in Python, written from the text alone")
  func exampleClient() throws {
    let remote = try GitFixture()
    try remote.tag("model@v1.0.0")
    let worker = try WorkerFixture(["demo": remote.path])
    func client(_ arguments: String...) throws -> Program.Output {
      try Program.run(
        "python3", ["\(BuiltProgram.sources)/proto-spec/examples/client.py"] + arguments,
        environment: ["STAGEKEEPER_SOCKET=\(worker.clientSocket)"])
    }
    let assigned = try client("demo", "assign", "model", "v1.0.0", "prod")
    #expect(assigned.exit == .success, "\(assigned.errorText)")
    let job = try JSONValue(parsing: assigned.standardOutput)
    #expect(job["ref"] == "model#prod#1")
    #expect(try remote.ref("refs/tags/model#prod#1") == job["objectId"]?.stringValue)
    let shown = try JSONValue(parsing: try client("demo", "show").standardOutput)
    #expect(shown["model"]?["stage"]?["prod"] == "v1.0.0")
    let refused = try client("demo", "assign", "model", "v1.0.0", "nowhere")
    #expect(refused.exit == .exited(code: 65), "\(refused.errorText)")
    try worker.stop()
  }
}
