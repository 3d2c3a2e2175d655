import SystemCalls
import TestSupport

/// A client under another uid that does what no honest one does, and says so in its output.
enum HostileClient {
  /// Debian's Python, which every user may run.
  ///
  /// - Parameter script: Python; `connect()` connects to the socket, `frame(text)` makes a frame of it, and
  ///   `say(text)` prints a line.
  static func start(_ worker: WorkerFixture, as account: Account, _ script: String) throws -> RunningProgram {
    let number = try ThisProcess.randomBytes(6).map { String($0, radix: 16) }.joined()
    return try Program.start(
      "setpriv", account.options + ["/usr/bin/python3", "-c", prelude + script, worker.clientSocket],
      log: worker.directory.appending("hostile-\(number).log"))
  }

  private static let prelude = """
    import array, json, os, resource, socket, struct, sys, time
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    def connect():
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.connect(sys.argv[1])
        return s
    def frame(text):
        body = text.encode()
        return struct.pack('>I', len(body)) + body
    def say(text):
        print(text, flush=True)
    def reply(s):
        data = b''
        while len(data) < 4:
            part = s.recv(4 - len(data))
            if not part: return None
            data += part
        length = struct.unpack('>I', data)[0]
        body = b''
        while len(body) < length: body += s.recv(length - len(body))
        return json.loads(body)

    """

  /// How many descriptors a process has open.
  static func descriptors(of pid: Int32) throws -> Int { try Files.names(in: "/proc/\(pid)/fd").count }

  /// The memory that a process has in use, in kilobytes.
  static func residentMemory(of pid: Int32) throws -> Int {
    let text = String(decoding: try Files.read("/proc/\(pid)/status", limit: 1 << 16), as: UTF8.self)
    let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
    return line.split(separator: " ").compactMap { Int($0) }.first ?? 0
  }
}
