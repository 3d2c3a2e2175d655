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

  /// What `deploy/install.sh` installs as documents.
  private static let installed = [
    "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "docs/", "proto-spec/", "deploy/ci/",
  ]

  @Test("each metric is documented, and no other")
  func metrics() throws {
    let code = try Checkout.text("Sources/Worker/Methods/Metrics.swift")
    let real = code.matches(of: /"(stagekeeper_\w+)"/).map { String($0.output.1) }
    let documented = try Checkout.text("docs/operations.md").matches(of: /\| `(stagekeeper_\w+)/)
      .map { String($0.output.1) }
    #expect(documented.sorted() == real.sorted())
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
        let path = target.dropFirst(Checkout.root.standardizedFileURL.path().count).drop { $0 == "/" }
        #expect(
          Self.installed.contains { path.hasPrefix($0) }, "\(file) links to \(path), which is not installed")
      }
    }
  }
}
