import SystemCalls
import TestSupport

/// One job of deploy/ci as a forge's runner would run it: in a checkout, with the runner's variables, its
/// shell steps one after the other.
struct ForgeJob {
  private let forge: String
  private let file: String
  private let remote: GitFixture
  private let worker: WorkerFixture
  private let directory: TemporaryDirectory

  init(_ forge: String, _ file: String, _ remote: GitFixture, _ worker: WorkerFixture) throws {
    self.forge = forge
    self.file = "\(BuiltProgram.sources)/deploy/ci/\(forge)/\(file)"
    self.remote = remote
    self.worker = worker
    directory = try TemporaryDirectory()
    try Program.check("git", ["clone", "-q", "--no-tags", remote.path, checkout])
  }

  private var checkout: String { directory.appending("checkout") }

  /// Runs all steps until one fails.
  ///
  /// - Parameter commit: what the tag or the branch points at, as Git in the remote understands it.
  func run(ref: String, commit: String, runNumber: Int = 1) throws -> Program.Output {
    try run(["run", try remote.git("rev-parse", commit), ref, String(runNumber)])
  }

  /// Whether the forge starts the job for that tag.
  func isStarted(byTag tag: String) throws -> Bool {
    let output = try run(["filter", tag])
    if output.exit == .success { return true }
    if output.exit == .exited(code: 3) { return false }
    throw Program.Failure("\(file): \(output.errorText)")
  }

  /// A file that the steps made.
  func text(_ name: String) throws -> String {
    String(decoding: try Files.read("\(checkout)/\(name)", limit: 1 << 20), as: UTF8.self)
  }

  /// Removes what the scripts wrote.
  func forget() throws { try Files.remove("\(checkout)/done") }

  private func run(_ arguments: [String]) throws -> Program.Output {
    let gto = try BuiltProgram.gto()
    let folder = { (path: String) in path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "." }
    return try Program.run(
      "\(folder(gto))/python", ["-c", Self.runner, forge, file] + arguments, in: checkout,
      environment: [
        "STAGEKEEPER_SOCKET=\(worker.clientSocket)", "RUNNER_TEMP=\(directory.path)",
        "TOOLS=\(folder(try BuiltProgram.path("stagekeeper"))):\(folder(gto))",
      ])
  }

  /// What the runners of both forges do, as far as the examples need it. `filter TAG` ends with 3 where the
  /// tag starts nothing. Installing GTO is left out: it is there.
  private static let runner = #"""
    import os, re, subprocess, sys
    from ruamel.yaml import YAML

    forge, path, mode, *rest = sys.argv[1:]
    job = YAML(typ="safe", pure=True).load(open(path))

    def github_pattern(text):
        parts = {"**": ".*", "*": "[^/]*"}
        return "".join(parts.get(p) or re.escape(p) for p in re.split(r"(\*\*|\*)", text) if p)

    def starts(tag):
        if forge == "github":
            return any(re.fullmatch(github_pattern(p), tag) for p in job["on"]["push"]["tags"])
        (rule,) = (job.get("deploy") or job["train"])["rules"]
        found = re.fullmatch(r"\$CI_COMMIT_TAG =~ /(.*)/", rule["if"])
        return re.search(found[1], tag) is not None

    if mode == "filter":
        sys.exit(0 if starts(rest[0]) else 3)

    commit, ref, number = rest
    env = dict(os.environ)
    env["PATH"] = env.pop("TOOLS") + ":" + env["PATH"]
    subprocess.run(["git", "fetch", "-q", "origin", commit], check=True)

    def make_executable():
        for name in os.listdir():
            if name.endswith(".sh"):
                os.chmod(name, 0o755)

    if forge == "github":
        # As actions/checkout does: the tag is a plain ref to the commit.
        subprocess.run(["git", "checkout", "-q", "--detach", commit], check=True)
        make_executable()
        if ref.startswith("refs/tags/"):
            subprocess.run(["git", "update-ref", ref, commit], check=True)
        env |= {
            "GITHUB_SHA": commit, "GITHUB_REF": ref, "GITHUB_REF_NAME": ref.split("/", 2)[2],
            "GITHUB_RUN_ID": number, "GITHUB_REPOSITORY": "ml/churn",
            "GITHUB_SERVER_URL": "https://forge.example", "GITHUB_ENV": env["RUNNER_TEMP"] + "/env",
        }
        (definition,) = job["jobs"].values()
        env |= definition["env"]
        for step in definition["steps"]:
            script = step.get("run")
            if not script or script.startswith("pip install"):
                continue
            open(env["GITHUB_ENV"], "w").close()
            # The runner's shell is "bash -e" unless the step says otherwise.
            done = subprocess.run(["bash", "-e", "-c", script], env=env | step.get("env", {}))
            if done.returncode:
                sys.exit(done.returncode)
            env |= dict(line.rstrip("\n").split("=", 1) for line in open(env["GITHUB_ENV"]))
    else:
        if ref.startswith("refs/tags/"):
            subprocess.run(["git", "fetch", "-q", "-f", "origin", f"{ref}:{ref}"], check=True)
        subprocess.run(["git", "checkout", "-q", "--detach", commit], check=True)
        make_executable()
        env |= {
            "CI_COMMIT_SHA": commit, "CI_PIPELINE_ID": number, "CI_PROJECT_PATH": "ml/churn",
            "CI_JOB_URL": "https://forge.example/ml/churn/-/jobs/" + number,
            ("CI_COMMIT_TAG" if ref.startswith("refs/tags/") else "CI_COMMIT_BRANCH"): ref.split("/", 2)[2],
        }
        definition = job.get("deploy") or job["train"]
        env |= {name: str(value) for name, value in definition["variables"].items()}
        # One shell for all lines, with errexit and pipefail, as the runner has it.
        script = "set -eo pipefail\n" + "\n".join(definition["script"])
        sys.exit(subprocess.run(["bash", "-c", script], env=env).returncode)
    """#
}
