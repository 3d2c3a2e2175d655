import SystemCalls

@testable import GitRemote

extension FuzzTarget {
  /// Whatever an http server answers, the list of refs is read within its limit or there is an error of the server's
  /// making, and no error repeats the token.
  ///
  /// The content holds the answers to one request after the other, with a zero byte in between. With the first bit set
  /// the server closes the connection after each.
  static let http = FuzzTarget(
    "http",
    alone: { input in
      let choices = Choices(input)
      let server = try HTTPScript.shared.get()
      let answers = choices.content.split(separator: 0, maxSplits: 7).map { Array($0) }
      if answers.contains(where: makesLibGit2Fall) { return }
      server.play(answers, closing: choices.bits & 1 == 1)
      defer { server.play([], closing: true) }
      let transport = try HTTPTransport(configuration: try HTTPScript.configuration(port: server.port))
      defer { transport.close() }
      // The second goes over the same connection where the server leaves it open.
      for service in [GitService.uploadPack, .receivePack] { try converse(transport, service) }
    })

  /// libgit2, to 1.9 at least, ends the process with the request that follows a challenge for which it has no credential
  /// (httpclient.c, `best_scheme_and_challenge`). That can't be seen from outside of it, and costs a lane.
  private static func makesLibGit2Fall(_ answer: [UInt8]) -> Bool {
    let text = String(decoding: answer, as: UTF8.self).lowercased()
    return text.contains("proxy-authenticate")
      || (text.contains("www-authenticate") && !text.hasPrefix("http/1.1 401 "))
  }

  private static func converse(_ transport: HTTPTransport, _ service: GitService) throws {
    do {
      let connection = try transport.connect(service, operation: "talk")
      defer { connection.close() }
      let advertised = try readAll(connection)
      try check(advertised <= HTTPScript.limits.advertisement, "a list of refs of \(advertised) bytes")
      try connection.send(Array("0032want".utf8))
      _ = try readAll(connection)
    } catch let error as GitRemoteError {
      try check(![.mirrorDamaged, .invalid, .locked].contains(error.code), "a server makes \(error)")
      try checkShown(error.message, limit: 8192, "the message")
      try check(!error.message.contains(HTTPScript.token), "the token is in \(error)")
    }
  }

  private static func readAll(_ connection: any ServiceConnection) throws(GitRemoteError) -> Int {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 8192, alignment: 16)
    defer { buffer.deallocate() }
    var count = 0
    while true {
      let received = try connection.read(into: buffer)
      if received == 0 { return count }
      count += received
    }
  }
}
