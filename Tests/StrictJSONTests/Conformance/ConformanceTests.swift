import StrictJSON
import TestSupport
import Testing

/// What must be accepted is, what must be refused is, and of the rest what the specification says.
@Suite struct ConformanceTests {
  typealias Case = JSONConformance.Case

  @Test(arguments: JSONConformance.mustAccept + JSONConformance.chosenToAccept)
  func accepts(_ text: Case) {
    #expect(throws: Never.self) { try JSONValue(parsing: text.bytes) }
  }

  @Test(arguments: JSONConformance.mustRefuse + JSONConformance.chosenToRefuse)
  func refuses(_ text: Case) {
    #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: text.bytes) }
  }

  /// The values that are not what was written, digit by digit.
  @Test(
    arguments: [
      ("-0", .number(-0.0)), ("9223372036854775807", .integer(.max)),
      ("9223372036854775808", .number(0x1p63)),
      ("-9223372036854775809", .number(-0x1p63)), ("100000000000000000000", .number(1e20)),
      ("1e-400", .number(0)), ("-1e-400", .number(-0.0)), ("0e99999999999999999999", .number(0)),
      ("0.1000000000000000055511151231257827021181583404541015625", .number(0.1)),
    ] as [(String, JSONValue)])
  func numbersAreRounded(_ text: String, _ value: JSONValue) throws {
    #expect(try JSONValue(parsing: text.utf8) == value)
  }

  @Test func namesAreUnique() {
    let names = (JSONConformance.mustAccept + JSONConformance.mustRefuse).map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.count >= 250)
  }

  /// Python's reader, told not to read NaN, judges what RFC 8259 does not leave open alike.
  @Test func pythonAgreesWithTheTable() throws {
    #expect(try pythonAccepts(JSONConformance.mustAccept) == JSONConformance.mustAccept.map(\.name))
    #expect(try pythonAccepts(JSONConformance.mustRefuse) == [])
  }

  /// The names of those texts that Python reads.
  private func pythonAccepts(_ cases: [Case]) throws -> [String] {
    let lines = cases.map { text in
      text.name + " " + text.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "\n"
    }
    let accepted = try Program.check("python3", ["-c", Self.judge], input: Array(lines.joined().utf8))
    return accepted.split(separator: "\n").map(String.init)
  }

  private static let judge = """
    import json, sys

    def refuse(word):
        raise ValueError(word)

    for line in sys.stdin:
        name, text = line.rstrip("\\n").split(" ")
        try:
            json.loads(bytes.fromhex(text).decode("utf-8"), parse_constant=refuse)
            print(name)
        except (ValueError, RecursionError):
            pass
    """
}
