import StagekeeperClient
import Testing

@testable import CommandLineTool

/// Which exit status and which words an error gets.
@Suite struct FailureTests {
  private func failure(_ error: any Error) -> Failure { Failure(error, tool: "stagekeeper") }

  @Test(arguments: zip(ErrorCategory.allCases, [64, 65, 77, 69, 75, 70] as [Int32]))
  func categories(_ category: ErrorCategory, _ status: Int32) {
    let error = WireError(WireError.Code(rawValue: "some_code"), category: category, "no")
    let client = ClientError(.refused, operation: "assign", "no", workerError: error)
    #expect(failure(client).status == status)
  }

  @Test func usage() { #expect(failure(UsageError("wrong")).status == 64) }

  @Test func workerAbsent() {
    let failure = failure(ClientError(.workerUnreachable, operation: "connect", "no worker"))
    #expect(failure.status == 69)
    #expect(failure.hint?.contains("STAGEKEEPER_SOCKET") == true)
  }

  @Test func timeOutTellsTheJob() {
    let waiting = WireError(.remoteUnreachable, category: .retry, "the server is away")
    let failure = failure(
      ClientError(.timedOut, operation: "assign", "late", job: sampleJob(.waiting, error: waiting)))
    #expect(failure.status == 75)
    #expect(failure.message == "late; job 7 is waiting: the server is away")
    #expect(failure.hint == "The job goes on. To wait again: stagekeeper job wait 7")
  }

  @Test func timeOutBeforeTheJobTellsTheKey() {
    let failure = failure(ClientError(.timedOut, operation: "assign", "late", requestKey: "k1"))
    #expect(failure.hint?.contains("--request-key k1") == true)
  }

  @Test func interrupt() {
    let error = ClientError(.cancelled, operation: "assign", "x", job: sampleJob(.running))
    let failure = failure(Interruption(error: error, signal: 15))
    #expect(failure.status == 143)
    #expect(failure.message == "interrupted; job 7 is running")
  }

  @Test func wordsOfTheServerAreEscaped() throws {
    let failure = Failure(status: 65, "remote: \u{1b}]0;owned\u{7}\nsecond line")
    let text = try #require(failure.text(tool: "stagekeeper", colored: false))
    #expect(text == "stagekeeper: remote: \\u{1b}]0;owned\\u{7}\nsecond line")
  }

  @Test func aSentenceEndsWithAStop() throws {
    let text = try #require(Failure(status: 64, "wrong", hint: "Do this.").text(tool: "t", colored: true))
    #expect(text == "\u{1b}[31mt:\u{1b}[0m wrong.\nDo this.")
  }

  @Test(
    "a parameter is called what it is called on the command line",
    arguments: [
      (StagekeeperTool.register, "version", "--version"), (StagekeeperTool.register, "ref", "REF"),
      (StagekeeperTool.register, "artifact", "NAME"), (StagekeeperTool.register, "repository", "--repo"),
      (StagekeeperTool.assign, "ifCurrent", "--if-current"), (StagekeeperTool.jobStatus, "job", "JOB"),
      (StagekeeperTool.jobList, "unheardOf", "params.unheardOf"),
    ])
  func parameters(_ command: CommandSpec, _ parameter: String, _ name: String) {
    let error = WireError(
      .invalidParameter, category: .usage, "params.\(parameter): is wrong",
      details: JSONObject([("path", .string("params.\(parameter)"))]))
    let client = ClientError(.refused, operation: "x", error.message, workerError: error)
    #expect(client.inWords(of: command, StagekeeperTool.spec).message == "\(name): is wrong")
  }

  @Test func aHintIsNotGivenTwice() {
    func hint(_ message: String) -> String? {
      let error = WireError(.notAllowed, category: .denied, message)
      return failure(ClientError(.refused, operation: "x", message, workerError: error)).hint
    }
    #expect(hint("you may not; `stagekeeper whoami` lists what you may do") == nil)
    #expect(hint("you may not")?.contains("whoami") == true)
  }
}
