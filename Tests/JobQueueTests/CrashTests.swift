import Foundation
import JobQueue
import SystemCalls
import TestSupport
import Testing

/// The worker dies at every step, and everything it has promised holds after the next start.
@Suite struct CrashTests {
  /// How many random schedules; more with `STAGEKEEPER_CRASH_SCHEDULES`.
  static let schedules = Int(ProcessInfo.processInfo.environment["STAGEKEEPER_CRASH_SCHEDULES"] ?? "") ?? 2000
  /// The first seed; a failure names the seed that repeats it.
  static let firstSeed = UInt64(ProcessInfo.processInfo.environment["STAGEKEEPER_CRASH_SEED"] ?? "") ?? 1

  @Test(arguments: 0..<8)
  func randomSchedules(part: Int) async throws {
    for number in stride(from: part, to: Self.schedules, by: 8) {
      let seed = Self.firstSeed + UInt64(number)
      do {
        try await schedule(seed: seed)
      } catch {
        Issue.record("STAGEKEEPER_CRASH_SEED=\(seed) STAGEKEEPER_CRASH_SCHEDULES=1: \(error)")
        return
      }
    }
  }

  private func schedule(seed: UInt64) async throws {
    let simulation = Simulation(seed: seed, directory: try TemporaryDirectory())
    for _ in 0..<Int.random(in: 1...4, using: &simulation.random) {
      let step = Int.random(in: 1...120, using: &simulation.random)
      simulation.disk.arm(fault(&simulation.random), at: step)
      if try await simulation.start() { _ = try await simulation.act(steps: 40) }
      try await simulation.crash()
    }
    simulation.disk.arm(nil)
    guard try await simulation.start() else { throw Violation(description: "did not start without a fault") }
    try await simulation.finish()
    await simulation.stop()
  }

  private func fault(_ random: inout SeededGenerator) -> FaultyDisk.Fault {
    switch Int.random(in: 0..<3, using: &random) {
    case 0: .crashBefore
    case 1: .crashAfter
    default: .crashDuring(Int.random(in: 0...200, using: &random))
    }
  }

  /// The same actions with a crash at the first call, the second and so on, until none is left.
  @Test(arguments: [FaultyDisk.Fault.crashBefore, .crashAfter, .crashDuring(10), .crashDuring(100)])
  func everyStep(fault: FaultyDisk.Fault) async throws {
    var step = 0
    var isThrough = false
    while !isThrough {
      step += 1
      let simulation = Simulation(
        seed: 77, directory: try TemporaryDirectory(), disk: FaultyDisk(fault, at: step))
      if try await simulation.start() { _ = try await simulation.act(steps: 25) }
      isThrough = !simulation.disk.hasCrashed
      try await simulation.crash()
      guard try await simulation.start() else { throw Violation(description: "no start after step \(step)") }
      try await simulation.finish()
      await simulation.stop()
    }
    #expect(step > 60)
  }

  @Test(arguments: [
    FaultyDisk.Fault.error(.inputOutput), .error(.noSpace), .error(.interrupted), .shortWrite(1),
    .shortWrite(30),
  ])
  func everyFaultOnce(fault: FaultyDisk.Fault) async throws {
    var step = 0
    var isThrough = false
    while !isThrough {
      step += 1
      let simulation = Simulation(
        seed: 78, directory: try TemporaryDirectory(), disk: FaultyDisk(fault, at: step))
      var survived = false
      if try await simulation.start() { survived = try await simulation.act(steps: 25) }
      isThrough = simulation.disk.calls < step
      switch fault {
      case .error(.interrupted), .shortWrite: #expect(survived, "step \(step)")
      default: break
      }
      try await simulation.crash()
      simulation.disk.arm(nil)
      guard try await simulation.start() else { throw Violation(description: "no start after step \(step)") }
      try await simulation.finish()
      await simulation.stop()
    }
    #expect(step > 60)
  }
}
