import Foundation
import StrictJSON
import Testing

/// The real GTO 1.10.1 in one long-lived Python process, through `gto_driver.py`.
final class GTODriver {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private var buffer: [UInt8] = []
  /// Holds the repositories; removed at the end.
  let directory: URL

  /// - Throws: where there is no GTO. A test without it must fail, not pass.
  init() throws {
    directory = FileManager.default.temporaryDirectory
      .appending(path: "registry-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "gto_driver.py")
    process.executableURL = URL(filePath: try Self.python())
    process.arguments = [script.path()]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
  }

  deinit {
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
    try? FileManager.default.removeItem(at: directory)
  }

  /// Sends a request and waits for its answer.
  func ask(_ operation: String, _ members: [(key: String, value: JSONValue)] = []) throws -> JSONValue {
    let request = JSONValue.object(JSONObject([("op", .string(operation))] + members))
    try input.fileHandleForWriting.write(contentsOf: Data(request.serialized() + [0x0A]))
    let answer = try JSONValue(parsing: try line(), maximumDepth: 64)
    if let result = answer["result"] { return result }
    throw Failure(description: "gto: \(answer["failure"]?.stringValue ?? "no answer") to \(request.text())")
  }

  private func line() throws -> [UInt8] {
    while true {
      if let end = buffer.firstIndex(of: 0x0A) {
        defer { buffer.removeSubrange(...end) }
        return Array(buffer[..<end])
      }
      let chunk = output.fileHandleForReading.availableData
      if chunk.isEmpty { throw Failure(description: "the GTO driver ended") }
      buffer += chunk
    }
  }

  /// The Python that runs the `gto` of STAGEKEEPER_TEST_GTO, or of PATH: the one its first line names.
  private static func python() throws -> String {
    let environment = ProcessInfo.processInfo.environment
    let onPath = (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/gto" }
    let candidates = [environment["STAGEKEEPER_TEST_GTO"]].compactMap { $0 } + onPath
    guard let gto = candidates.first(where: FileManager.default.isExecutableFile) else {
      throw Failure(description: "there is no gto: set STAGEKEEPER_TEST_GTO or put GTO 1.10.1 on PATH")
    }
    let firstLine = try String(contentsOfFile: gto, encoding: .utf8).prefix { $0 != "\n" }
    return String(firstLine.drop { $0 != "/" })
  }
}

/// How many seeds the differential tests run; STAGEKEEPER_TEST_SEEDS enlarges it.
func seedCount(_ standard: Int) -> Int {
  ProcessInfo.processInfo.environment["STAGEKEEPER_TEST_SEEDS"].flatMap(Int.init) ?? standard
}

/// A small reproducible generator (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: Int) { state = UInt64(bitPattern: Int64(seed)) &* 0x9E37_79B9_7F4A_7C15 }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }

  mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[Int.random(in: 0..<elements.count, using: &self)]
  }
}
