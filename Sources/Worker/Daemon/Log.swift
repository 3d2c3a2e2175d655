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
    line += message.escapedOnOneLine(quotes: false)
    for (name, value) in fields {
      line +=
        " \(name)=" + (value.contains(" ") ? "\"\(value.escapedOnOneLine())\"" : value.escapedOnOneLine())
    }
    ThisProcess.print(line + "\n", to: 2)
  }

  /// systemd reads a priority in front of each line (sd-daemon(3)); a person does not want to.
  private static let usesPriorities = ThisProcess.environment("JOURNAL_STREAM") != nil
}

extension String {
  /// The whole text, uncut, with control characters escaped.
  ///
  /// - Parameter quotes: whether quotes are escaped too, because the text stands between some.
  fileprivate func escapedOnOneLine(quotes: Bool = true) -> String {
    unicodeScalars.map { scalar in
      let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
      let isBreak = scalar.value == 0x2028 || scalar.value == 0x2029
      return isControl || isBreak || (quotes && scalar == "\"")
        ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
    }.joined()
  }
}
