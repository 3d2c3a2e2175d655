import StrictJSON
import Testing

@testable import RegistryFiles

/// ruamel.yaml, called as GTO calls it, decides what a file means.
@Suite struct YAMLDifferentialTests {
  @Test func handWrittenFilesMeanWhatRuamelReads() throws {
    let oracle = try PythonOracle()
    for sample in samples {
      let bytes = Array(sample.utf8)
      let expected = try #require(try oracle.load(bytes), "ruamel.yaml refuses the sample:\n\(sample)")
      do {
        #expect(try read(sample).shown == expected, "\(sample)")
      } catch {
        Issue.record("\(error) in\n\(sample)")
      }
    }
  }

  @Test func nodesStandWhereRuamelSeesThem() throws {
    let oracle = try PythonOracle()
    for sample in samples where ["*", "<<", "!!"].allSatisfy({ !sample.contains($0) }) {
      let expected = try #require(try oracle.places(Array(sample.utf8))?.arrayValue)
      let places = try read(sample).places
      try #require(places.count == expected.count, "\(sample)")
      for (place, expected) in zip(places, expected) where expected != .null {
        #expect(place == expected, "\(sample)")
      }
    }
  }

  /// Whatever ruamel.yaml writes and can read back, this reader reads alike.
  @Test func generatedFilesAreReadAlike() throws {
    let oracle = try PythonOracle()
    var compared = 0
    for seed in seeds(1500) {
      guard let bytes = try oracle.generate(seed: seed), let expected = try oracle.load(bytes) else {
        continue
      }
      compared += 1
      let text = String(decoding: bytes, as: UTF8.self)
      do {
        #expect(try read(text).shown == expected, "seed \(seed):\n\(text)")
      } catch {
        Issue.record("seed \(seed): \(error)\n\(text)")
      }
    }
    #expect(compared > seeds(1500).count * 9 / 10)
  }

  /// Whatever this reader accepts of damaged files, ruamel.yaml accepts with the same value.
  @Test func acceptedMutationsMeanWhatRuamelReads() throws {
    let oracle = try PythonOracle()
    var accepted = 0
    for seed in seeds(6000) {
      var generator = SeededGenerator(seed: seed)
      let original =
        seed.isMultiple(of: 2)
        ? Array((samples.randomElement(using: &generator) ?? "").utf8) : try oracle.generate(seed: seed) ?? []
      let bytes = mutated(original, using: &generator)
      guard let node = try? YAMLNode(parsing: bytes, file: "mutated") else { continue }
      accepted += 1
      let text = String(decoding: bytes, as: UTF8.self)
      let expected = try oracle.load(bytes)
      #expect(node.shown == expected, "seed \(seed): ruamel.yaml reads something else in\n\(text)")
    }
    #expect(accepted > seeds(6000).count / 10)
  }
}
