internal import SystemCalls

/// Where a worker listens.
public enum SocketPath {
  /// The client socket that is meant where none is named: `STAGEKEEPER_SOCKET`, else
  /// `$XDG_RUNTIME_DIR/stagekeeper/worker.sock` where that exists, else `/run/stagekeeper/worker.sock`.
  public static var client: String { resolve(variable: "STAGEKEEPER_SOCKET", file: "worker.sock") }

  /// The same for administrators: `STAGEKEEPER_ADMIN_SOCKET`, and `admin.sock` in the same directories.
  public static var admin: String { resolve(variable: "STAGEKEEPER_ADMIN_SOCKET", file: "admin.sock") }

  private static func resolve(variable: String, file: String) -> String {
    if let path = ThisProcess.environment(variable), !path.isEmpty { return path }
    if let directory = ThisProcess.environment("XDG_RUNTIME_DIR"), !directory.isEmpty {
      let path = "\(directory)/stagekeeper/\(file)"
      if (try? Files.kind(of: path)) == .socket { return path }
    }
    return "/run/stagekeeper/\(file)"
  }
}
