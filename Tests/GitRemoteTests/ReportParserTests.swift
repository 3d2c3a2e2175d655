import Testing

@testable import GitRemote

/// The report of a push, as it comes in pieces.
@Suite struct ReportParserTests {
  private func packet(_ line: String) -> String {
    let length = String(line.utf8.count + 4, radix: 16)
    return String(repeating: "0", count: 4 - length.count) + length + line
  }

  @Test(arguments: 1...40) func aReportInPieces(of size: Int) {
    let report =
      packet("unpack ok\n") + packet("ok refs/tags/a\n") + packet("ng refs/tags/b no way\n") + "0000"
    var parser = ReportParser()
    var rest = Array(report.utf8)[...]
    while !rest.isEmpty {
      #expect(!parser.isComplete)
      #expect(rest.prefix(size).withUnsafeBytes { parser.append($0) })
      rest = rest.dropFirst(size)
    }
    #expect(parser.isComplete)
    #expect(parser.answer.unpack == "ok")
    #expect(parser.answer.refs == ["refs/tags/a": nil, "refs/tags/b": "no way"])
  }

  /// What follows the report is none of it.
  @Test func theReportEndsAtItsFlush() {
    var parser = ReportParser()
    #expect(Array((packet("unpack ok\n") + "0000what else").utf8).withUnsafeBytes { parser.append($0) })
    #expect(parser.isComplete)
  }

  @Test(arguments: ["0003", "zzzz", "000", "0010short"]) func noReport(_ text: String) {
    var parser = ReportParser()
    let isReport = Array(text.utf8).withUnsafeBytes { parser.append($0) }
    #expect(isReport == ["000", "0010short"].contains(text))
    #expect(!parser.isComplete)
  }

  /// A server can make a report of packets of nothing; each is taken once.
  @Test func manyPackets() {
    var parser = ReportParser()
    let bytes = Array(repeatElement(Array("0004".utf8), count: 1 << 16).joined())
    #expect(bytes.withUnsafeBytes { parser.append($0) })
    #expect(!parser.isComplete)
  }
}
