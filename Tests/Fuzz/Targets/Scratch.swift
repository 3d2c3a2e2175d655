import Glibc
import SystemCalls

/// A folder for what targets write. It goes when the process ends; `run.sh` puts it into memory, and takes it away
/// after a crash.
enum Scratch {
  private static let path: String = {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    let path = "\(parent)/sk-fuzz-\(ThisProcess.pid)"
    atexit { try? Files.removeTree(Scratch.path) }
    return path
  }()

  /// A folder in it, made anew.
  static func folder(_ name: String) throws -> String {
    let folder = "\(path)/\(name)"
    try Files.removeTree(folder)
    try Files.makeDirectories(folder)
    return folder
  }
}
