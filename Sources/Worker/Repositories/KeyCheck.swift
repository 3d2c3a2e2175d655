internal import LaneProtocol
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

extension Worker {
  /// Tries out the repositories' keys, one after the other, so that an administrator hears of a bad one before
  /// a job needs it.
  func checkKeys() async {
    for configuration in configuration.repositories where !Task.isCancelled {
      await repositories[configuration.id]?.checkKeys()
    }
  }
}

extension Repository {
  /// Has a lane try out the keys and trust files, unless one runs that has done so.
  func checkKeys() async {
    guard newestConfiguration.hasKeys, !isStopping, lanePid == nil || reloaded != nil else { return }
    await takeTurn()
    defer { passTurn() }
    // Somebody who has work for a lane was faster; that one has tried them, and is wanted.
    if lanePid != nil { return }
    do throws(WireError) {
      try await openLane()
    } catch {
      lastProblem = error
      Log.write(
        .warning, "the repository can't be opened",
        ["repository": configuration.id, "code": error.code.rawValue, "error": error.message])
    }
    await endUnwantedLane()
  }

  /// The lane has just used the files of which these problems told: somebody has mended them.
  func forgetKeyProblems(_ code: String) { keyProblems.removeAll { $0.code == code } }

  /// Takes over what a lane that has just opened the repository says of its keys and of the kernel; logs what is
  /// new.
  func noteOpening(_ answer: JSONValue) throws(WireError) {
    let opening = try decode(answer) { value throws(JSONShapeError) in try LaneOpening(value) }
    landlockVersion = opening.landlockVersion
    if opening.landlockVersion == 0, configuration.containment.landlock != .off { KernelNotice.write() }
    let problems = opening.keyProblems
    for problem in problems where !keyProblems.contains(problem) {
      problem.log(repository: configuration.id)
    }
    keyProblems = problems
  }
}

/// What the kernel lacks, said once for all repositories.
private enum KernelNotice {
  static func write() { once }

  private static let once: Void = Log.write(
    .notice, "the kernel has no Landlock: lanes can reach all files that the worker's user can")
}

/// Tries out keys without a running worker: `stagekeeperd --check`.
enum KeyCheck {
  /// Logs each key or trust file that can't be used, with the repository's name.
  ///
  /// - Returns: whether all can be used.
  static func run(_ configuration: Configuration, laneProgram: String) async -> Bool {
    var isGood = true
    for repository in configuration.repositories where repository.hasKeys {
      do throws(WireError) {
        let settings = repository.laneConfiguration(
          stateDirectory: configuration.stateDirectory, limits: configuration.limits)
        for problem in try await problems(settings, laneProgram) {
          problem.log(repository: repository.id)
          isGood = false
        }
      } catch {
        KeyProblem(code: error.code.rawValue, message: error.message).log(repository: repository.id)
        isGood = false
      }
    }
    return isGood
  }

  private static func problems(
    _ settings: LaneConfiguration, _ laneProgram: String
  ) async throws(WireError) -> [KeyProblem] {
    let lane: LaneProcess
    do throws(SystemCallError) {
      let executor = DispatchQueueExecutor(label: "stagekeeper.check")
      lane = try LaneProcess(executable: laneProgram, executor: executor, reportBytes: 0)
    } catch {
      throw WireError(.internalError, category: .retry, "the lane can't be started: \(error)")
    }
    await lane.start()
    let answer: Result<JSONValue, WireError>
    do throws(WireError) {
      answer = .success(try await lane.ask(.checkKeys(settings), within: 30))
    } catch {
      answer = .failure(error)
    }
    await lane.stop()
    await lane.waitUntilGone()
    let value = try answer.get()
    do throws(JSONShapeError) {
      return try [KeyProblem](value)
    } catch {
      throw WireError(.internalError, category: .internal, "the lane's answer can't be read: \(error)")
    }
  }
}

extension KeyProblem {
  fileprivate func log(repository: String) {
    Log.write(
      .error, "keys of a repository can't be used",
      ["repository": repository, "code": code, "error": message])
  }
}
