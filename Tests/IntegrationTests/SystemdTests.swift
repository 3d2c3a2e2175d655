import SystemCalls
import TestSupport
import Testing

/// The service as `deploy/install.sh` installs it, under a systemd that is the first process of a machine of its own
/// (`Tests/Systemd`), with everything in force that its unit asks for.
struct SystemdTests {
  /// Runs the checks, or with `--obstacle` asks whether they can be run; what they printed.
  private static func run(_ options: [String] = []) throws -> (exit: ChildExit?, text: String) {
    let directory = try TemporaryDirectory()
    let program = try BuiltProgram.path("stagekeeperd")
    let folder = String(program[..<(program.lastIndex(of: "/") ?? program.startIndex)])
    let scripts = "\(BuiltProgram.sources)/Tests"
    let command = ["\(scripts)/contain.py", "280", "/usr/bin/python3", "\(scripts)/Systemd/run.py"]
    // Some seconds; many more where all tests run at once.
    let running = try Program.start(
      "/usr/bin/python3", command + options + [folder], log: directory.appending("log"))
    let exit = try running.wait(until: .after(seconds: 300))
    return (exit, running.output)
  }

  /// Why there can be no such machine here; nil: there can.
  static let obstacle: String? = {
    // It maps memory in ways that the unit forbids.
    if Sanitizer.isOn { return "the programs are built for a sanitizer" }
    do {
      let (exit, text) = try run(["--obstacle"])
      return exit == .exited(code: 0) ? nil : text
    } catch {
      return "\(error)"
    }
  }()

  @Test(.enabled(if: obstacle == nil, "\(obstacle ?? "")"))
  func keepsItsPromises() throws {
    let (exit, text) = try Self.run()
    #expect(exit == .exited(code: 0), "\(text)")
  }
}
