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
  /// The command line is this process's.
  public static func main() -> Never {
    ThisProcess.fillStandardDescriptors()
    ThisProcess.quietDispatch()
    ThisProcess.ignoreBrokenPipes()
    do throws(ConfigurationError) {
      let options = try DaemonOptions(arguments: try arguments())
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

  private static func arguments() throws(ConfigurationError) -> [String] {
    do throws(MalformedArgument) {
      return try ThisProcess.arguments()
    } catch {
      throw ConfigurationError("\(error)")
    }
  }

  private static func run(_ options: DaemonOptions) -> Never {
    do throws(ConfigurationError) {
      if options.action == .check { try check(options) }
      let configuration = try options.configuration()
      let program = try laneProgram(options)
      var reread: (@Sendable () throws(ConfigurationError) -> Configuration)?
      if options.configurationFile != nil {
        reread = { () throws(ConfigurationError) in try options.configuration() }
      }
      let source = reread
      Task.detached {
        await serve(configuration, laneProgram: program, reread: source)
      }
      dispatchMain()
    } catch {
      let status = options.configurationFile == nil ? ExitStatus.usage : ExitStatus.configuration
      if options.action == .check {
        let error = WireError(.invalidConfiguration, category: .refused, error.message)
        ConfigurationCheck(options: options).fail(status, error)
      }
      finish(status, error: "\(error)")
    }
  }

  private static func check(_ options: DaemonOptions) throws(ConfigurationError) -> Never {
    let check = ConfigurationCheck(options: options)
    let (configuration, user) = try check.read()
    let program = configuration.repositories.contains(where: \.hasKeys) ? try laneProgram(options) : ""
    Task.detached { await check.finish(configuration, user, laneProgram: program) }
    dispatchMain()
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
    var failure: SystemCallError?
    if let output { failure = ThisProcess.print(output + "\n", to: 1) }
    if let error { ThisProcess.print("stagekeeperd: \(error)\n", to: 2) }
    if status == 0, let failure {
      // 141 is what a shell shows for a program that a closed pipe ended.
      if failure.errno == .brokenPipe { ThisProcess.exit(141) }
      ThisProcess.print("stagekeeperd: cannot write the answer: \(failure.errno)\n", to: 2)
      ThisProcess.exit(ExitStatus.noOutput)
    }
    ThisProcess.exit(status)
  }
}

/// After sysexits.h.
enum ExitStatus {
  static let usage: Int32 = 64
  static let unavailable: Int32 = 69
  static let internalError: Int32 = 70
  static let systemError: Int32 = 71
  static let noOutput: Int32 = 74
  static let temporary: Int32 = 75
  static let configuration: Int32 = 78
}

/// Why the worker could not start.
struct StartError: Error {
  let status: Int32
  let message: String
}
