import SystemCalls
import TestSupport

/// A running `stagekeeperd` with one repository, `demo`, of which `churn` is registered as v1.0.0.
final class RealWorker: Sendable {
  let remote: GitFixture
  let socket: String
  let adminSocket: String
  private let directory: TemporaryDirectory
  private let program: RunningProgram

  init() async throws {
    directory = try TemporaryDirectory()
    // No `.gto`: gto does not read it from a bare repository.
    remote = try GitFixture(files: ["README": "model\n"])
    try remote.tag("churn@v1.0.0", message: "Registering artifact churn version v1.0.0")
    socket = directory.appending("worker.sock")
    adminSocket = directory.appending("admin.sock")
    program = try Program.start(
      Products.path("stagekeeperd"),
      [
        "--repo", "demo=\(remote.path)", "--state", directory.appending("state"), "--socket", socket,
        "--admin-socket", adminSocket,
      ], log: directory.appending("log"))
    try await waitUntilReady()
  }

  private func waitUntilReady() async throws {
    let deadline = MonotonicTime.after(seconds: 30)
    while (try? UnixSocket.connect(to: adminSocket)) == nil {
      if try program.wait(until: .now) != nil || deadline.hasPassed {
        throw Missing(description: "stagekeeperd did not start: \(program.output)")
      }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  /// Runs `stagekeeper` for this worker.
  func stagekeeper(_ arguments: String..., environment: [String] = []) throws -> Program.Output {
    try Program.run(
      Products.path("stagekeeper"), arguments,
      environment: ["STAGEKEEPER_SOCKET=\(socket)", "TZ=UTC"] + environment)
  }

  /// Runs `stagekeeper-admin` for this worker.
  func admin(_ arguments: String...) throws -> Program.Output {
    try Program.run(
      Products.path("stagekeeper-admin"), arguments,
      environment: ["STAGEKEEPER_ADMIN_SOCKET=\(adminSocket)"])
  }
}
