internal import CommandLineTool
internal import StagekeeperClient

extension AdminTool {
  static let signingExport = CommandSpec(
    "signing export",
    summary: "Print the public half of a repository's signing key.",
    operands: [OperandSpec("REPO", help: "The repository's id.")],
    options: [
      OptionSpec(
        "--format", value: "openssh|allowed-signers|github|certificate",
        help: "A public key line; a line for gpg.ssh.allowedSignersFile, with the tagger's address; "
          + "what GitHub and GitLab take as a signing key; the certificate and its chain in PEM "
          + "[default: openssh, or certificate for x509].")
    ]
  ) { invocation in
    var params = JSONObject([("repository", .string(invocation.arguments.operands[0]))])
    params["format"] = invocation.arguments.value("--format").map { .string($0) }
    let answer = try await invocation.call("signing.export", params)
    try invocation.print(answer) { answer in
      let text = answer["text"]?.stringValue ?? ""
      return (text.hasSuffix("\n") ? String(text.dropLast()) : text).escapedLinesForTerminal
    }
  }
}
