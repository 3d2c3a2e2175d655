import Foundation
import Testing

/// The files of this repository.
enum Checkout {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  static func path(_ relative: String) -> String { root.appending(path: relative).path() }

  static func text(_ relative: String) throws -> String {
    try String(contentsOf: root.appending(path: relative), encoding: .utf8)
  }

  /// The paths of all files below a folder with this ending, relative to the root, sorted.
  static func files(in folder: String, ending: String) throws -> [String] {
    let files = try #require(FileManager.default.enumerator(atPath: path(folder)))
    return files.compactMap { $0 as? String }.filter { $0.hasSuffix(ending) }.map { "\(folder)/\($0)" }
      .sorted()
  }

  /// The names of the folders directly in a folder.
  static func folders(in folder: String) throws -> Set<String> {
    let names = try FileManager.default.contentsOfDirectory(atPath: path(folder))
    return Set(
      names.filter { name in
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path("\(folder)/\(name)"), isDirectory: &isFolder)
          && isFolder.boolValue
      })
  }

  /// A program that was built together with these tests.
  static func product(_ name: String) throws -> String {
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let beside = URL(filePath: own).deletingLastPathComponent().appending(path: name).path()
    // `swift test` may load the tests into a helper of the toolchain; then the bundle is an argument.
    let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") }
    let besideBundle = bundle.map {
      URL(filePath: $0).deletingLastPathComponent().appending(path: name).path()
    }
    let found = [beside, besideBundle].compactMap { $0 }.first(where: FileManager.default.isExecutableFile)
    return try #require(found, "\(name) was not built beside the tests")
  }
}
