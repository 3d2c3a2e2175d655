import TestSupport
import Testing

@testable import SystemCalls

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
    let address = secret.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
    let maps = String(decoding: try Files.read("/proc/self/smaps", limit: 64 << 20), as: UTF8.self)
    // Neighbours with the same flags share an entry.
    let lines = maps.split(separator: "\n").drop { !Self.range($0).contains(address) }
    let flags = try #require(lines.first { $0.hasPrefix("VmFlags:") }).split(separator: " ")
    #expect(flags.contains("dd") && flags.contains("wf"), "\(flags)")
    #expect(flags.contains("lo") == secret.isLocked || Sanitizer.isOn)
  }

  /// The addresses in the first line of an entry; none in another line.
  private static func range(_ line: Substring) -> Range<UInt> {
    let ends = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt($0, radix: 16) }
    return ends.count == 2 ? ends[0]..<ends[1] : 0..<0
  }
}
