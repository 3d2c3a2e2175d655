import Testing

/// What Package.swift says about the modules in Sources. It is read as text: asking `swift package` would
/// wait for the lock that `swift test` holds.
struct ManifestDependencies {
  private(set) var modules: [String: [String]] = [:]

  init() throws {
    let text = try Checkout.text("Package.swift")
    for match in text.matches(of: /\n\s*module\(\s*"(\w+)"(?:,\s*\[([^\]]*)\])?\)/) {
      modules[String(match.output.1)] = match.output.2.map(Self.strings) ?? []
    }
    for match in text.matches(of: /\n\s*executable\(\s*"([\w-]+)",\s*"(\w+)"\)/) {
      modules[String(match.output.1)] = [String(match.output.2)]
    }
    for match in text.matches(of: /\.systemLibrary\(name: "(\w+)"/) { modules[String(match.output.1)] = [] }
  }

  private static func strings(_ list: Substring) -> [String] {
    list.matches(of: /"(\w+)"/).map { String($0.output.1) }
  }
}
