internal import SystemCalls

/// The programs of this package as they were built for the tests.
public enum BuiltProgram {
  /// Where a product is: beside the test bundle.
  public static func path(_ name: String) throws -> String {
    let own = try ThisProcess.executablePath()
    let folder = own.lastIndex(of: "/").map { String(own[..<$0]) } ?? ""
    let path = "\(ThisProcess.environment("STAGEKEEPER_TEST_PROGRAMS") ?? folder)/\(name)"
    guard try Files.kind(of: path) == .file else {
      throw Program.Failure(description: "\(path) was not built")
    }
    return path
  }

  /// The top folder of the sources.
  public static var sources: String {
    let parts = #filePath.split(separator: "/")
    return "/" + parts.dropLast(3).joined(separator: "/")
  }

  /// GTO 1.10.1, the program that the tests compare with: `STAGEKEEPER_TEST_GTO`, or `gto` on the path.
  public static func gto() throws -> String {
    try Program.path(ThisProcess.environment("STAGEKEEPER_TEST_GTO") ?? "gto")
  }
}

/// Waiting for a condition in tests.
public enum Eventually {
  /// Waits until the condition holds; the limit is generous, because the machine may be busy.
  ///
  /// - Throws: `Program.Failure` with the description when it did not hold in time.
  public static func holds(
    _ what: @autoclosure () -> String, within seconds: Double = 90, _ condition: () throws -> Bool
  ) throws {
    let deadline = MonotonicTime.after(seconds: seconds)
    while try !condition() {
      if deadline.hasPassed { throw Program.Failure(description: "still not so: \(what())") }
      Pause.briefly()
    }
  }
}

extension Program.Failure {
  /// What a test could not go on without.
  public init(_ description: String) { self.init(description: description) }
}
