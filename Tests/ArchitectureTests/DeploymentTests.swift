import Foundation
import SystemCalls
import TestSupport
import Testing

/// What is in deploy/.
struct DeploymentTests {
  private static let units = ["stagekeeper.service", "stagekeeper.socket", "stagekeeper-admin.socket"]

  /// The unit files with their paths filled in, in a folder of their own.
  private func installed(_ directory: TemporaryDirectory) throws -> [String] {
    let program = try Checkout.product("stagekeeperd")
    let folder = URL(filePath: program).deletingLastPathComponent().path()
    return try Self.units.map { name in
      let text = try Checkout.text("deploy/systemd/\(name)").replacing("@PREFIX@/bin/", with: folder)
      return try directory.write(name, text.replacing("@PREFIX@", with: "/usr"))
    }
  }

  @Test func systemdUnderstandsTheUnits() throws {
    let directory = try TemporaryDirectory()
    // Man pages are not looked for: they need not be installed.
    let output = try Program.run(
      "systemd-analyze", ["verify", "--man=no"] + (try installed(directory)))
    let ours = output.errorText.split(separator: "\n").filter { $0.contains("stagekeeper") }
    #expect(ours.isEmpty, "\(output.errorText)")
    #expect(output.exit == .exited(code: 0), "\(output.errorText)")
  }

  /// At most 1.2; unhardened services are at 9.6.
  @Test func theServiceIsHardened() throws {
    let directory = try TemporaryDirectory()
    let service = try #require(try installed(directory).first)
    let output = try Program.run(
      "systemd-analyze", ["security", "--offline=true", "--threshold=12", "--no-pager", service])
    #expect(output.exit == .exited(code: 0), "\(output.text)\(output.errorText)")
  }

  @Test func linksBetweenDocumentsLeadSomewhere() throws {
    let files =
      ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"] + (try Checkout.files(in: "docs", ending: ".md"))
      + (try Checkout.files(in: "proto-spec", ending: ".md")) + ["deploy/ci/README.md"]
    for file in files {
      let folder = Checkout.root.appending(path: file).deletingLastPathComponent()
      for match in try Checkout.text(file).matches(of: /\]\(([^)#:]+)(?:#[^)]*)?\)/) {
        let target = folder.appending(path: String(match.output.1)).standardizedFileURL.path()
        #expect(FileManager.default.fileExists(atPath: target), "\(file) links to \(match.output.1)")
      }
    }
  }
}
