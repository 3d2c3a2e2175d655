import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// The worker under as much of `deploy/systemd/stagekeeper.service` as can be had without systemd: an account of
/// its own, no capabilities, no new privileges, everything read-only but its state.
///
/// Not tried here: the filter of system calls, the address families, the devices and the process table of the unit.
/// `SystemdTests` has all of it, where systemd can run.
@Suite(.enabled(if: ThisProcess.uid == 0, "needs root, to give up all of it"))
struct UnprivilegedTests {
  private static let account = "64301"

  /// Makes the whole tree read-only except the directory, then becomes the account.
  private static let confine = """
    set -e
    mount --make-rprivate /
    mount --bind "$1" "$1"
    for place in / /tmp; do mount -o remount,bind,ro "$place" 2>/dev/null || true; done
    shift
    exec setpriv --reuid \(account) --regid \(account) --clear-groups --no-new-privs --bounding-set=-all \
      --inh-caps=-all "$@"
    """

  @Test func assignsWithoutAnyPrivilege() throws {
    let (remote, server) = (try GitFixture(), try HTTPSGitServer())
    try remote.tag("churn@v1.0.0")
    let directory = try TemporaryDirectory()
    try directory.write("token", server.token, mode: 0o400)
    try directory.write(
      "ca.pem", String(decoding: try Files.read(server.caFile, limit: 1 << 20), as: UTF8.self))
    let configuration = try directory.write("c.json5", Self.configuration(directory, server.url(remote.path)))
    try Program.check("chown", ["-R", "\(Self.account):\(Self.account)", directory.path])
    let worker = try WorkerFixture(directory: directory, options: ["--config", configuration])
    worker.launcher = ["unshare", "--mount", "sh", "-c", Self.confine, "sh", directory.path]
    try worker.start()
    try worker.ask("assign", "churn", "--version", "v1.0.0", "--stage", "dev", "--repo", "demo")
    #expect(try remote.tags().contains("churn#dev#1"))
    try expectConfined(worker.pid)
    try expectConfined(try #require(try worker.lane(of: "demo")))
    try worker.stop()
  }

  private static func configuration(_ directory: TemporaryDirectory, _ url: String) -> String {
    """
    {
      sockets: { client: { path: "\(directory.path)/w.sock" }, admin: { path: "\(directory.path)/a.sock" } },
      stateDirectory: "\(directory.path)/state",
      repositories: {
        demo: { url: "\(url)",
                https: { username: "ci", tokenFile: "\(directory.path)/token", caFile: "\(directory.path)/ca.pem" } },
      },
      tenants: { root: { users: ["root"] } },
      grants: [ { tenants: ["root"], repositories: ["*"], actions: ["*"] } ],
    }
    """
  }

  private func expectConfined(_ pid: Int32) throws {
    let text = String(decoding: try Files.read("/proc/\(pid)/status", limit: 65_536), as: UTF8.self)
    let status = Dictionary(
      uniqueKeysWithValues: text.split(separator: "\n").compactMap { line -> (Substring, String)? in
        guard let colon = line.firstIndex(of: ":") else { return nil }
        return (
          line[..<colon],
          line[line.index(after: colon)...].split(whereSeparator: \.isWhitespace).joined(separator: " ")
        )
      })
    #expect(status["Uid"] == Array(repeating: Self.account, count: 4).joined(separator: " "))
    #expect(status["Groups"] == "")
    #expect(status["NoNewPrivs"] == "1")
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
      #expect(status[Substring(set)] == String(repeating: "0", count: 16), "\(set)")
    }
    // Through the process's own mounts.
    for place in ["usr", "etc"] {
      let error = #expect(throws: SystemCallError.self) {
        try Files.replace("/proc/\(pid)/root/\(place)/sk-confined", with: [])
      }
      #expect(error?.description.contains("Read-only") == true, "\(place)")
    }
  }
}
