internal import StrictJSON
internal import SystemCalls

/// What the worker says to whoever runs it: one line on standard error, for the journal of systemd or a
/// terminal. Values are escaped, so that no client can make a line of its own. Never a secret.
public enum Log {
  public enum Level: Int, Sendable {
    case error = 3
    case warning = 4
    case notice = 5
    case info = 6
  }

  /// - Parameter fields: written as `name=value` behind the message, in order.
  public static func write(_ level: Level, _ message: String, _ fields: KeyValuePairs<String, String> = [:]) {
    var line = usesPriorities ? "<\(level.rawValue)>" : "stagekeeperd: "
    line += message.escapedForLog
    for (name, value) in fields {
      line += " \(name)=\(value.quotedForLog)"
    }
    ThisProcess.print(line + "\n", to: 2)
  }

  /// systemd reads a priority in front of each line (sd-daemon(3)); a person does not want to.
  private static let usesPriorities = ThisProcess.isJournal(2)
}

extension String {
  /// The whole text with control characters escaped.
  fileprivate var escapedForLog: String {
    unicodeScalars.map { scalar in
      scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
        ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
    }.joined()
  }

  /// A value that shows where it ends: in quotes where it has a space or a quote, with a backslash before its own.
  fileprivate var quotedForLog: String {
    guard unicodeScalars.contains(where: { $0 == " " || $0 == "\"" }) else { return escapedForLog }
    let escaped = replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").escapedForLog
    return "\"\(escaped)\""
  }
}
