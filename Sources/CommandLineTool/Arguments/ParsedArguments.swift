/// What a command was given.
package struct ParsedArguments: Sendable, Equatable {
  /// By the option's first name; the last value counts, flags have an empty one.
  private var values: [String: String] = [:]
  package internal(set) var operands: [String] = []

  package init() {}

  mutating func set(_ option: OptionSpec, _ value: String) { values[option.name] = value }

  package func has(_ option: String) -> Bool { values[option] != nil }

  package func value(_ option: String) -> String? { values[option] }

  package func operand(_ index: Int) -> String? { index < operands.count ? operands[index] : nil }

  /// The option's value as one of the named words.
  package func choice<Choice: RawRepresentable & CaseIterable>(
    _ option: String, _ type: Choice.Type
  ) throws(UsageError) -> Choice? where Choice.RawValue == String {
    guard let text = value(option) else { return nil }
    if let choice = Choice(rawValue: text) { return choice }
    let allowed = Choice.allCases.map(\.rawValue).joined(separator: ", ")
    throw UsageError("\(option): '\(text)' is none of \(allowed)")
  }

  /// The option's value as an integer in a range.
  package func integer(_ option: String, in range: ClosedRange<Int64>) throws(UsageError) -> Int64? {
    guard let text = value(option) else { return nil }
    guard let number = Int64(text) else { throw UsageError("\(option): '\(text)' is not a whole number") }
    guard range.contains(number) else {
      throw UsageError(
        "\(option): \(number) is not "
          + (range.upperBound == .max
            ? "\(range.lowerBound) or more" : "between \(range.lowerBound) and \(range.upperBound)"))
    }
    return number
  }

  /// The option's value in seconds, from 0 to a year; fractions are allowed.
  package func seconds(_ option: String) throws(UsageError) -> Duration? {
    guard let text = value(option) else { return nil }
    guard let seconds = Double(text), (0...31_536_000).contains(seconds) else {
      throw UsageError("\(option): '\(text)' is not a number of seconds from 0 to 31536000")
    }
    return .seconds(seconds)
  }

  /// At most one of these options may be given.
  package func refuseTogether(_ options: [String]) throws(UsageError) {
    let given = options.filter(has)
    if given.count > 1 {
      throw UsageError("\(given.joined(separator: " and ")) do not go together: give one of them")
    }
  }
}

/// Arguments that are wrong: exit status 64.
package struct UsageError: Error, Sendable, Equatable, CustomStringConvertible {
  package let message: String
  /// What to do about it, where it is more than reading the help text.
  package let hint: String?

  package init(_ message: String, hint: String? = nil) {
    self.message = message
    self.hint = hint
  }

  package var description: String { message }
}
