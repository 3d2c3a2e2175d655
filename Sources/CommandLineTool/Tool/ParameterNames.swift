internal import StagekeeperClient

extension ClientError {
  /// The same where a parameter of the protocol is called what it is called on this command's line.
  func inWords(of command: CommandSpec, _ tool: ToolSpec) -> ClientError {
    guard workerError?.code == .invalidParameter, let path = workerError?.details?["path"]?.stringValue,
      message.hasPrefix(path), let name = command.name(of: path, tool.options(of: command))
    else { return self }
    var copy = self
    copy.message = name + message.dropFirst(path.count)
    return copy
  }
}

extension CommandSpec {
  /// Operands that the protocol calls otherwise.
  private static let operands = ["artifact": "NAME", "repository": "REPO"]

  /// The option or operand that becomes a parameter, such as `--if-current` for `params.ifCurrent`; nil where none
  /// does.
  fileprivate func name(of path: String, _ options: [OptionSpec]) -> String? {
    let prefix = "params."
    guard path.hasPrefix(prefix) else { return nil }
    let parameter = String(path.dropFirst(prefix.count))
    let kebab = parameter.reduce(into: "--") { $0 += $1.isUppercase ? "-\($1.lowercased())" : String($1) }
    let candidates = [kebab, parameter.uppercased(), Self.operands[parameter] ?? ""]
    let own = options.flatMap(\.names) + operands.map(\.name)
    if let name = candidates.first(where: own.contains) { return name }
    return parameter == "repository" && own.contains("--repo") ? "--repo" : nil
  }
}
