internal import Dispatch
internal import Glibc
internal import JobQueue
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

/// The life of `stagekeeperd`, from the command line to the exit status.
public enum Daemon {
  /// Runs until a signal ends it. Never returns.
  ///
  /// - Parameter arguments: the command line without the program's name.
  public static func main(arguments: [String]) -> Never {
    ThisProcess.fillStandardDescriptors()
    ThisProcess.quietDispatch()
    ThisProcess.ignoreBrokenPipes()
    do throws(ConfigurationError) {
      let options = try DaemonOptions(arguments: arguments)
      switch options.action {
      case .help: finish(0, output: DaemonOptions.help)
      case .version: finish(0, output: "stagekeeperd \(Worker.version)")
      case .check, .run: break
      }
      run(options)
    } catch {
      finish(ExitStatus.usage, error: "\(error)\nTry stagekeeperd --help.")
    }
  }

  private static func run(_ options: DaemonOptions) -> Never {
    do throws(ConfigurationError) {
      let configuration = try options.configuration()
      let isCheck = options.action == .check
      let needsLane = !isCheck || configuration.repositories.contains(where: \.hasKeys)
      let program = needsLane ? try laneProgram(options) : ""
      var reread: (@Sendable () throws(ConfigurationError) -> Configuration)?
      if options.configurationFile != nil {
        reread = { () throws(ConfigurationError) in try options.configuration() }
      }
      let source = reread
      Task.detached {
        if isCheck { await check(configuration, laneProgram: program, asJSON: options.wantsJSON) }
        await serve(configuration, laneProgram: program, reread: source)
      }
      dispatchMain()
    } catch {
      let status = options.configurationFile == nil ? ExitStatus.usage : ExitStatus.configuration
      finish(status, error: "\(error)")
    }
  }

  private static func check(
    _ configuration: Configuration, laneProgram: String, asJSON: Bool
  ) async -> Never {
    guard await KeyCheck.run(configuration, laneProgram: laneProgram) else {
      finish(ExitStatus.configuration)
    }
    let sentences = PolicySentences(configuration: configuration).lines
    let warnings = PolicyWarnings(configuration: configuration, now: WallClock.seconds).lines
    let count = configuration.repositories.count
    if asJSON {
      let verdict: JSONValue = [
        "repositories": .integer(Int64(count)), "policy": .array(sentences.map(JSONValue.string)),
        "warnings": .array(warnings.map(JSONValue.string)),
      ]
      finish(0, output: verdict.text(indentation: 4))
    }
    let summary = "the configuration is good: \(count) \(count == 1 ? "repository" : "repositories")"
    let lines = sentences + warnings.map { "warning: \($0)" }
    finish(
      0,
      output: (lines + [warnings.isEmpty ? summary : "\(summary), \(warnings.count) warnings"]).joined(
        separator: "\n"))
  }

  private static func serve(
    _ configuration: Configuration, laneProgram: String,
    reread: (@Sendable () throws(ConfigurationError) -> Configuration)?
  ) async {
    // Before anything else: one that comes during the start is carried out after it, and SIGHUP ends nothing.
    let signals = SignalStream([SIGTERM, SIGINT, SIGHUP])
    do throws(StartError) {
      let service = try await Service(configuration, laneProgram: laneProgram, reread: reread)
      try await service.run(until: signals)
      finish(0)
    } catch {
      finish(error.status, error: error.message)
    }
  }

  /// Beside this program, where both were built or installed.
  private static func laneProgram(_ options: DaemonOptions) throws(ConfigurationError) -> String {
    do throws(SystemCallError) {
      let own = try ThisProcess.executablePath()
      let folder = own.lastIndex(of: "/").map { String(own[..<$0]) } ?? ""
      let program = options.laneProgram ?? folder + "/stagekeeper-lane"
      guard try Files.kind(of: program) == .file else {
        throw SystemCallError(.noSuchFile, "find the program \"\(program)\" (--lane names it)")
      }
      return program
    } catch {
      throw ConfigurationError("\(error)")
    }
  }

  static func finish(_ status: Int32, output: String? = nil, error: String? = nil) -> Never {
    if let output { ThisProcess.print(output + "\n", to: 1) }
    if let error { ThisProcess.print("stagekeeperd: \(error)\n", to: 2) }
    ThisProcess.exit(status)
  }
}

/// After sysexits.h.
enum ExitStatus {
  static let usage: Int32 = 64
  static let unavailable: Int32 = 69
  static let internalError: Int32 = 70
  static let systemError: Int32 = 71
  static let temporary: Int32 = 75
  static let configuration: Int32 = 78
}

/// Why the worker could not start.
struct StartError: Error {
  let status: Int32
  let message: String
}
