import SystemCalls
import TestSupport
import Testing

/// The service as `deploy/install.sh` installs it, under a systemd that is the first process of a machine of its own
/// (`Tests/Systemd`), with everything in force that its unit asks for.
struct SystemdTests {
  private static func run(_ arguments: [String]) throws -> Program.Output {
    let program = try BuiltProgram.path("stagekeeperd")
    let folder = String(program[..<(program.lastIndex(of: "/") ?? program.startIndex)])
    let scripts = "\(BuiltProgram.sources)/Tests"
    return try Program.run(
      "/usr/bin/python3",
      ["\(scripts)/contain.py", "100", "/usr/bin/python3", "\(scripts)/Systemd/run.py"] + arguments + [folder]
    )
  }

  /// Why there can be no such machine here; nil: there can.
  static let obstacle: String? = {
    // It maps memory in ways that the unit forbids.
    if Sanitizer.isOn { return "the programs are built for a sanitizer" }
    do {
      let output = try run(["--obstacle"])
      return output.exit == .exited(code: 0) ? nil : output.text + output.errorText
    } catch {
      return "\(error)"
    }
  }()

  @Test(.enabled(if: obstacle == nil, "\(obstacle ?? "")"))
  func keepsItsPromises() throws {
    let output = try Self.run([])
    #expect(output.exit == .exited(code: 0), "\(output.text)\(output.errorText)")
  }
}
