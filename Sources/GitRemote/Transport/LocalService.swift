internal import SystemCalls

/// Git's own service programs on a path of this machine, so that hooks run and ref updates are atomic.
enum LocalService {
  /// The command that serves a repository.
  ///
  /// The path is the operator's: what a server on the network may forbid, partial fetches and asking for
  /// objects by id, is allowed here.
  static func command(_ service: GitService, path: String, configuration: RemoteConfiguration) -> ChildCommand
  {
    let settings = ["uploadpack.allowFilter=true", "uploadpack.allowAnySHA1InWant=true"]
    let verb = service == .uploadPack ? "upload-pack" : "receive-pack"
    return ChildCommand(
      executable: configuration.programs.git,
      arguments: settings.flatMap { ["-c", $0] } + [verb, path],
      environment: ChildEnvironment.variables, newProcessGroup: false)
  }
}

/// What children may know of this process's environment.
enum ChildEnvironment {
  static var variables: [String] {
    let passed = ["HOME", "PATH", "TMPDIR"].compactMap { name in
      ThisProcess.environment(name).map { "\(name)=\($0)" }
    }
    let path = passed.contains { $0.hasPrefix("PATH=") } ? [] : ["PATH=/usr/local/bin:/usr/bin:/bin"]
    return passed + path + ["LC_ALL=C", "GIT_TERMINAL_PROMPT=0"]
  }
}
