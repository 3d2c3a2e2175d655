import SystemCalls
import TestSupport

/// A client that promotes one thing after another until it is told to stop, as a CI would: it gives every
/// request a key, and sends it again with that key for as long as the worker does not answer.
///
/// Two of three requests wait for nothing but the acceptance, the third one for its end.
final class PromotionLoop {
  let name: String
  private let directory: TemporaryDirectory
  private let program: RunningProgram

  init(_ name: String, worker: WorkerFixture, repository: String? = nil) throws {
    self.name = name
    directory = try TemporaryDirectory()
    var tool = "\(try BuiltProgram.path("stagekeeper")) --socket \(worker.clientSocket)"
    if let repository { tool += " --repo \(repository)" }
    program = try Program.start(
      "sh", ["-c", Self.script, name, directory.path, tool], log: directory.appending("log"))
  }

  /// The jobs that were acknowledged so far, by request key.
  func acknowledged() throws -> [String: String] {
    var jobs: [String: String] = [:]
    for file in try Files.names(in: directory.path) where file.hasSuffix(".accepted") {
      let text = String(decoding: try Files.read(directory.appending(file), limit: 1 << 20), as: UTF8.self)
      jobs[file] = text.split(separator: "\n").first { $0.hasPrefix("  \"job\": \"") }
        .map { String($0.dropFirst("  \"job\": \"".count).prefix { $0 != "\"" }) }
    }
    return jobs
  }

  /// Lets the request under way end, and no other begin.
  ///
  /// - Throws: when a request was refused.
  func stop() throws {
    try directory.write("stop", "")
    let run = try program.finish()
    guard run.exit == .success else { throw Program.Failure("client \(name) \(run)") }
  }

  /// `$0` is the client's name, `$1` its folder, `$2` the tool. Only "the worker is not there" and "try again"
  /// are tried again.
  private static let script = """
    tool=$2; number=0
    while [ ! -e "$1/stop" ]; do
      number=$((number + 1)); key=$0-$number; wait=--no-wait
      case $((number % 3)) in
        0) what='assign model --version v1.0.0 --stage prod --force'; wait= ;;
        1) what="register only-$key main --version v1.0.0" ;;
        2) what="assign both-$key main --stage dev" ;;
      esac
      while :; do
        $tool $what $wait --request-key "$key" --json > "$1/$key.tmp" 2>> "$1/errors"
        status=$?
        case $status in
          0) break ;;
          69 | 75) sleep 0.05 ;;
          *) echo "$key: $what: status $status"; cat "$1/$key.tmp"; tail -5 "$1/errors"; exit 1 ;;
        esac
      done
      mv "$1/$key.tmp" "$1/$key.accepted"
    done
    """
}
