import Testing

@testable import RegistryFiles

@Suite struct YAMLFuzzTests {
  /// Nothing that anybody can write crashes the reader, and every error points into the file.
  @Test func damagedFilesAreReadOrRefused() {
    for seed in seeds(5000) {
      var generator = SeededGenerator(seed: seed)
      var bytes = Array((samples.randomElement(using: &generator) ?? "").utf8)
      for _ in 0...Int.random(in: 0...3, using: &generator) { bytes = mutated(bytes, using: &generator) }
      checked(bytes, seed: seed)
    }
  }

  @Test func noiseIsReadOrRefused() {
    let alphabet = Array(" \n-:?#,[]{}&*!|>'\"%@`~<=.ab01\t\\".utf8)
    for seed in seeds(5000) {
      var generator = SeededGenerator(seed: seed)
      let bytes = (0..<Int.random(in: 0...60, using: &generator)).compactMap { _ in
        alphabet.randomElement(using: &generator)
      }
      checked(bytes, seed: seed)
    }
  }

  /// Much of what a reader that looks back or ahead would read again and again: quadratic time would run
  /// into the limit. `STAGEKEEPER_TEST_SEEDS` enlarges the files up to the largest that are read.
  @Test(
    .timeLimit(.minutes(20)),
    arguments: [
      "[a, ", "a: 1\n", "a ", "a\n\n", "# c\n", "\n", " \n ", "- &a b\n- *a\n", "&a [],", "'' ", "\\n", "é",
      "0", "- ",
    ])
  func repetitionTakesLinearTime(_ piece: String) {
    let size = min(1 << 20, seeds(1 << 17).count)
    for prefix in ["", "[", "\"", "a: |\n ", "- a\n- "] {
      let count = (size - prefix.utf8.count) / piece.utf8.count
      checked(Array((prefix + String(repeating: piece, count: count)).utf8), seed: 0)
    }
  }

  private func checked(_ bytes: [UInt8], seed: Int) {
    do {
      _ = try YAMLNode(parsing: bytes, file: "fuzz")
    } catch {
      let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).count
      #expect((1...lines).contains(error.line) && error.column >= 1, "seed \(seed): \(error)")
    }
  }
}
