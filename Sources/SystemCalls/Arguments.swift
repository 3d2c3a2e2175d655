internal import Glibc

/// An argument of the command line that is no text.
public struct MalformedArgument: Error, Equatable, Sendable, CustomStringConvertible {
  /// From 1: the program's name is 0.
  public let place: Int

  public var description: String { "argument \(place) is not in UTF-8" }
}

extension ThisProcess {
  /// The command line without the program's name. Swift's own would have another character in place of each byte that is
  /// no text, so that different arguments become the same.
  ///
  /// - Throws: ``MalformedArgument`` for the first one that is not in UTF-8.
  public static func arguments() throws(MalformedArgument) -> [String] {
    var arguments: [String] = []
    for place in 1..<max(1, Int(CommandLine.argc)) {
      guard let bytes = CommandLine.unsafeArgv[place] else { break }
      guard let argument = String(validatingCString: bytes) else { throw MalformedArgument(place: place) }
      arguments.append(argument)
    }
    return arguments
  }
}
