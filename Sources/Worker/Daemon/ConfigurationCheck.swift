internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

/// `stagekeeperd --check`: what it prints, and the exit status.
struct ConfigurationCheck: Sendable {
  let options: DaemonOptions

  /// Reads the configuration, and again as the user for whom it is judged, who may be able to read less.
  func read() throws(ConfigurationError) -> (Configuration, CheckedUser) {
    let configuration = try options.configuration()
    let user = try CheckedUser.find(named: options.checkedUser, stateDirectory: configuration.stateDirectory)
    guard user.uid != ThisProcess.uid else { return (configuration, user) }
    try user.takeOver()
    do throws(ConfigurationError) {
      return (try options.configuration(), user)
    } catch {
      throw ConfigurationError("for \(user): \(error)")
    }
  }

  /// Judges keys and policy, and ends.
  func finish(_ configuration: Configuration, _ user: CheckedUser, laneProgram: String) async -> Never {
    // Which ones, it has logged.
    guard await KeyCheck.run(configuration, laneProgram: laneProgram) else {
      fail(
        ExitStatus.configuration,
        WireError(
          .invalidConfiguration, category: .refused,
          "\(user) can't use all files that the configuration names"))
    }
    let sentences = PolicySentences(configuration: configuration).lines
    let warnings = PolicyWarnings(configuration: configuration, now: WallClock.seconds).lines
    let count = configuration.repositories.count
    if options.wantsJSON {
      let verdict: JSONValue = [
        "repositories": .integer(Int64(count)), "user": .string(user.name ?? "\(user.uid)"),
        "policy": .array(sentences.map(JSONValue.string)),
        "warnings": .array(warnings.map(JSONValue.string)),
      ]
      Daemon.finish(0, output: verdict.text(indentation: 4))
    }
    let summary =
      "the configuration is good for \(user): \(count) \(count == 1 ? "repository" : "repositories")"
    let lines = sentences + warnings.map { "warning: \($0)" }
    Daemon.finish(
      0,
      output: (lines + [warnings.isEmpty ? summary : "\(summary), \(warnings.count) warnings"]).joined(
        separator: "\n"))
  }

  /// With `--json` what is wrong is an answer too.
  func fail(_ status: Int32, _ error: WireError) -> Never {
    let answer: JSONValue? = options.wantsJSON ? ["error": error.json] : nil
    Daemon.finish(status, output: answer?.text(indentation: 4), error: error.message)
  }
}
