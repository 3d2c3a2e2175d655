internal import StagekeeperClient
internal import SystemCalls

/// What the commands that write have in common.
enum WriteOptions {
  static let message = OptionSpec(
    "--message", "-m", value: "TEXT", help: "Message to annotate the Git tag with.")
  static let force = OptionSpec(
    "--force", help: "Create the Git tag even if it already exists and is in effect.")
  /// For the commands that take something back.
  static let delete = OptionSpec(
    "--delete", "-d",
    help: "Delete the tags that said it, for good, and make none; where the worker's configuration allows it."
  )
  static let simple = OptionSpec(
    "--simple", value: "auto|true|false",
    help: "Use the simple notation, without a counter (rf#prod instead of rf#prod#5) [default: auto].")
  /// For the commands that change a stage.
  static let ifCurrent = OptionSpec(
    "--if-current", value: "VERSION|none",
    help: "Only if the stage holds this version now (none: if it holds none).")
  static let requestKey = OptionSpec(
    "--request-key", value: "KEY",
    help: "The same key means the same request: running this again never does it twice.")
  static let deadline = OptionSpec(
    "--deadline", value: "TIME",
    help: "The worker drops the job if its turn comes later than that: 2026-01-31T09:30:00Z or +SECONDS.")
  static let dryRun = OptionSpec(
    "--dry-run", help: "Print what would be done, and why or why not; nothing is written.")
  static let noWait = OptionSpec(
    "--no-wait", help: "Print the job's id as soon as the worker has accepted it.")
  static let push = OptionSpec("--push", help: "Accepted for GTO's sake: tags are always pushed.")

  static let all = [
    message, simple, force, requestKey, deadline, dryRun, noWait, CommonOption.json, push,
  ]

  /// Puts the options' values into a request.
  static func apply(_ arguments: ParsedArguments, to request: inout WriteRequest) throws(UsageError) {
    if let message = arguments.value("--message") { request.message = message }
    request.force = arguments.has("--force")
    request.delete = arguments.has("--delete")
    request.simple = try arguments.choice("--simple", SimpleTag.self) ?? .auto
    request.requestKey = arguments.value("--request-key")
    request.deadline = try arguments.value("--deadline").map { text throws(UsageError) in
      try deadline(text)
    }
    request.dryRun = arguments.has("--dry-run")
    request.wait = !arguments.has("--no-wait")
  }

  /// Milliseconds since 1970.
  private static func deadline(_ text: String) throws(UsageError) -> Int64 {
    if text.hasPrefix("+"), let seconds = Double(text.dropFirst()), (0...31_536_000).contains(seconds) {
      return WallClock.milliseconds + Int64(seconds * 1000)
    }
    if let time = milliseconds(timestamp: text) { return time }
    throw UsageError("--deadline: '\(text)' is neither a time like 2026-01-31T09:30:00Z nor +SECONDS")
  }
}
