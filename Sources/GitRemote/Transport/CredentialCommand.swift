internal import RemoteURLs
internal import SystemCalls

/// A program of the administrator's that gives out credentials, asked as Git asks its credential helpers
/// (git-credential(1), "INPUT/OUTPUT FORMAT"; gitcredentials(7), "CUSTOM HELPERS").
struct CredentialCommand {
  enum Action: String {
    case get, store, erase
  }

  /// The most that it may say, in bytes.
  static let replyLimit = 64 << 10
  /// The longest name or password that is taken from it, in bytes.
  static let valueLimit = 16 << 10

  private let program: String
  private let arguments: [String]
  private let seconds: Double

  /// - Parameter words: the program's absolute path and its arguments; the action is added.
  init(_ words: [String], timeouts: RemoteConfiguration.Timeouts) {
    program = words.first ?? ""
    arguments = Array(words.dropFirst())
    seconds = min(30, timeouts.total * 0.6)
  }

  /// Asks for a credential. As Git's default is, the path of the repository is not told: the arguments can name
  /// what the command should know.
  ///
  /// - Throws: ``GitRemoteError/Code/credentialCommandFailed``; never with what the command said on its output.
  func get(
    _ url: RemoteURL, username: String?, _ operation: String
  ) throws(GitRemoteError) -> Credential {
    let question = Self.description(of: url, username: username, password: nil)
    let reply = try run(.get, question, within: seconds, operation)
    let answer = try CredentialReply(reply) { why in unusable(why, operation) }
    return Credential(
      username: answer.username ?? username ?? "git", password: answer.password, expiry: answer.expiry)
  }

  /// Tells what became of a credential. As with Git, nothing depends on whether it listens.
  func tell(_ action: Action, _ credential: Credential, _ url: RemoteURL, _ operation: String) {
    let text = Self.description(of: url, username: credential.username, password: credential.password)
    _ = try? run(action, text, within: min(10, seconds), operation)
  }

  /// The lines that describe a credential, and the empty one that ends them.
  private static func description(
    of url: RemoteURL, username: String?, password: SecretBytes?
  ) -> SecretBytes {
    guard case .http(let secure, _, let host, let port, _) = url.location else {
      return SecretBytes(copying: [])
    }
    var lines = "protocol=\(secure ? "https" : "http")\nhost=\(host)\(port.map { ":\($0)" } ?? "")\n"
    if let username { lines += "username=\(username)\n" }
    if password != nil { lines += "password=" }
    let end = SecretBytes(copying: Array((password == nil ? "\n" : "\n\n").utf8))
    return SecretBytes(
      joining: [SecretBytes(copying: Array(lines.utf8))] + (password.map { [$0] } ?? []) + [end])
  }

  // MARK: Running

  /// Runs it to its end, in this process's group, so that whoever kills the group reaches it.
  private func run(
    _ action: Action, _ input: SecretBytes, within seconds: Double, _ operation: String
  ) throws(GitRemoteError) -> SecretBytes {
    let command = ChildCommand(
      executable: program, arguments: arguments + [action.rawValue],
      environment: ChildEnvironment.variables, newProcessGroup: false)
    let end: BoundedRun.End
    do throws(SystemCallError) {
      end = try BoundedRun.run(
        command, input: input, outputLimit: Self.replyLimit, until: .after(seconds: seconds))
    } catch {
      throw unusable("can't be run: \(error)", operation)
    }
    let words = ServerText.sanitized(end.errorText)
    switch end.reason {
    case .timeout: throw unusable("did not end within \(Int(seconds)) s", operation).saying(words)
    case .outputTooLong: throw unusable("said more than \(Self.replyLimit) bytes", operation)
    case .exited(.exited(code: 0)): return end.output
    case .exited(let exit): throw unusable("\(exit)", operation).saying(words)
    }
  }

  private func unusable(_ why: String, _ operation: String) -> GitRemoteError {
    GitRemoteError(.credentialCommandFailed, operation, "the credential command \"\(program)\" \(why)")
  }
}

/// What a credential command answered.
struct CredentialReply {
  let username: String?
  let password: SecretBytes
  let expiry: Int64?

  /// Reads `key=value` lines up to an empty one; unknown keys are passed over.
  ///
  /// - Parameter failure: makes the error from what is wrong, which never quotes the reply.
  init(_ reply: SecretBytes, failure: (String) -> GitRemoteError) throws(GitRemoteError) {
    var values: [String: SecretBytes] = [:]
    let problem = reply.withUnsafeBytes { Self.read($0, into: &values) }
    if let problem { throw failure(problem) }
    if let quit = values["quit"]?.text, quit == "1" || quit == "true" {
      throw failure("says that there is no credential (quit)")
    }
    guard let password = values["password"], password.count > 0 else { throw failure("gave no password") }
    self.password = password
    username = values["username"]?.text
    expiry = values["password_expiry_utc"].flatMap { Int64($0.text) }
  }

  /// - Returns: what is wrong.
  private static func read(_ bytes: UnsafeRawBufferPointer, into values: inout [String: SecretBytes])
    -> String?
  {
    var number = 0
    for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      if line.isEmpty { return nil }
      guard let equals = line.firstIndex(of: UInt8(ascii: "=")), !line.contains(0) else {
        return "answered line \(number) that is not key=value"
      }
      let value = line[(equals + 1)...]
      if value.count > CredentialCommand.valueLimit {
        return "gave a value that is too long in line \(number)"
      }
      let key = String(decoding: line[..<equals], as: UTF8.self)
      if ["username", "password", "password_expiry_utc", "quit"].contains(key) {
        values[key] = SecretBytes(copying: value)
      }
    }
    return nil
  }
}

extension SecretBytes {
  /// For what turns out to be no secret.
  fileprivate var text: String { withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
}
