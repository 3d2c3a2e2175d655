internal import StrictJSON
internal import SystemCalls

extension ObjectReader {
  /// The only variable that a path may begin with: where systemd puts a service's credentials (systemd.exec(5),
  /// `LoadCredential=`).
  private static let variable = "CREDENTIALS_DIRECTORY"

  /// An absolute path, or one below `$CREDENTIALS_DIRECTORY/`; nil where the member is missing.
  mutating func absolutePath(_ key: String) throws(JSONShapeError) -> String? {
    guard let text = try optionalString(key) else { return nil }
    let path = try expanded(text, key)
    guard path.hasPrefix("/"), !path.utf8.contains(0) else {
      throw error(key, "expected an absolute path, found \"\(text.escapedForMessage)\"")
    }
    return path
  }

  /// Absolute paths, none of which is the root; nil where the member is missing.
  mutating func absolutePaths(_ key: String) throws(JSONShapeError) -> [String]? {
    guard let texts = try optionalStrings(key) else { return nil }
    var paths: [String] = []
    for text in texts {
      let path = try expanded(text, key)
      guard path.hasPrefix("/"), path != "/", !path.utf8.contains(0) else {
        throw error(key, "expected absolute paths below the root, found \"\(text.escapedForMessage)\"")
      }
      paths.append(path)
    }
    return paths
  }

  private func expanded(_ path: String, _ key: String) throws(JSONShapeError) -> String {
    guard path.hasPrefix("$") else { return path }
    let prefix = "$\(Self.variable)/"
    guard path.hasPrefix(prefix) else {
      throw error(key, "the only variable that a path may begin with is \(prefix)")
    }
    guard let directory = ThisProcess.environment(Self.variable), directory.hasPrefix("/") else {
      throw error(
        key, "$\(Self.variable) is not set: systemd sets it for a service with LoadCredential=")
    }
    return directory + "/" + path.dropFirst(prefix.count)
  }
}
