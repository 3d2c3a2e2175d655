import SystemCalls
import Testing

struct SecretBytesTests {
  @Test func holdsLinesAndJoins() {
    let secret = SecretBytes(copying: Array("token\r\nmore".utf8))
    #expect(secret.firstLine().withUnsafeBytes { Array($0) } == Array("token".utf8))
    let pair = SecretBytes(joining: [SecretBytes(copying: Array("ci:".utf8)), secret.firstLine()])
    #expect(pair.withCString { String(cString: $0) } == "ci:token")
    #expect(SecretBytes(copying: []).firstLine().count == 0)
  }

  /// Locked, not dumped, wiped in children: as the kernel shows it (proc(5), `VmFlags`).
  @Test func itsPagesAreKeptOutOfSwapAndDumps() throws {
    let secret = SecretBytes(copying: [1, 2, 3])
    let start = secret.withUnsafeBytes { String(UInt(bitPattern: $0.baseAddress), radix: 16) }
    let maps = String(decoding: try Files.read("/proc/self/smaps", limit: 64 << 20), as: UTF8.self)
    let lines = maps.split(separator: "\n").drop { !$0.hasPrefix("\(start)-") }
    let flags = try #require(lines.first { $0.hasPrefix("VmFlags:") }).split(separator: " ")
    #expect(flags.contains("dd") && flags.contains("wf"), "\(flags)")
    #expect(flags.contains("lo") == secret.isLocked)
  }
}
