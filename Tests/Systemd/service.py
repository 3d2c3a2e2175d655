"""What is promised of the service, each as a function that takes the machine; they build on each other."""

import json
import re

from machine import Failure, wait_for

SERVICE, SOCKETS = "stagekeeper.service", ("stagekeeper.socket", "stagekeeper-admin.socket")
STATE, CREDENTIALS = "/var/lib/stagekeeper", "/run/credentials/stagekeeper.service"
JOB_USER, STRANGER = "gitlab-runner", "stranger"
DROP_IN = f"/etc/systemd/system/{SERVICE}.d"

SECRETS = """[Service]
LoadCredential=churn:/etc/stagekeeper/secrets/churn
LoadCredential=signing:/etc/stagekeeper/secrets/signing
LoadCredentialEncrypted=fraud:/etc/stagekeeper/secrets/fraud.cred
"""

# What a program of the lane of "spy" can reach of others; each line that succeeds is a word of its error.
SPY = f"""#!/bin/sh
try() {{ name=$1; shift; if "$@" >/dev/null 2>&1; then echo "$name" >&2; fi; }}
try own cat /etc/stagekeeper/own
try key cat {CREDENTIALS}/churn
try token cat {CREDENTIALS}/fraud
try journal ls {STATE}/journal
try configuration cat /etc/stagekeeper/worker.json5
try passwd cat /etc/passwd
exit 1
"""


def expect(holds, message):
    if not holds:
        raise Failure(message)


def configuration(stages=("dev", "staging")):
    https = {"username": "ci", "caFile": "/etc/stagekeeper/ca.pem"}
    containment = {"landlock": "required"}
    return {
        "repositories": {
            "churn": {
                "url": "git@git.example.com:ml/churn.git",
                "ssh": {"keyFile": "$CREDENTIALS_DIRECTORY/churn", "knownHostsFile": "/etc/stagekeeper/known_hosts"},
                "signing": {"format": "ssh", "keyFile": "$CREDENTIALS_DIRECTORY/signing"},
                "containment": containment,
            },
            "fraud": {
                "url": "https://git.example.com/ml/fraud.git",
                "https": {**https, "tokenFile": "$CREDENTIALS_DIRECTORY/fraud"},
                "containment": containment,
            },
            "local": {"url": "/srv/local.git", "containment": containment},
            "spy": {
                "url": "https://git.example.com/ml/fraud.git",
                "https": {**https, "credentialCommand": ["/usr/local/bin/spy"]},
                "containment": {**containment, "read": ["/etc/stagekeeper/own"]},
            },
        },
        "tenants": {"ci": {"users": [JOB_USER]}},
        "grants": [{"tenants": ["ci"], "repositories": ["*"], "actions": ["register", "assign", "read"],
                    "stages": list(stages)}],
        "limits": {"attempts": 1},
    }


def configure(machine, **changes):
    machine.write("/etc/stagekeeper/worker.json5", json.dumps(configuration(**changes), indent=2))


def stagekeeper(machine, *arguments, user=JOB_USER, **options):
    return machine.run("/usr/local/bin/stagekeeper", *arguments, "--timeout", "50", user=user, **options)


def assign(machine, repository, stage, *more, **options):
    return stagekeeper(machine, "assign", "churn", "main", "--stage", stage, "--repo", repository, *more, **options)


def tags(machine, path):
    return machine.text("git", "-c", "safe.directory=*", "-C", path, "tag", "--list").splitlines()


def main_process(machine):
    return int(machine.show(SERVICE, "MainPID"))


def is_active(machine, unit=SERVICE):
    return machine.text("systemctl", "is-active", unit, check=False) == "active"


def repositories(machine):
    found = json.loads(machine.text("stagekeeper-admin", "repositories", "--json"))["repositories"]
    return {entry["repository"]: entry for entry in found}


# --- Installing and starting ---


def installs(machine):
    """deploy/install.sh installs programs, units, the account and the folders"""
    machine.run("env", "BUILT=/run/programs", "/run/checkout/deploy/install.sh")
    # What is not linked statically, as it should be for an installation, may be in a home, which the unit hides.
    for path in re.findall(r" (/(?:home|root)/\S+)", machine.text("ldd", "/usr/local/bin/stagekeeperd")):
        machine.run("install", "-D", "-t", "/usr/local/lib", path)
    machine.run("ldconfig")
    account = machine.text("getent", "passwd", "stagekeeper").split(":")
    expect(account[5:] == [STATE, "/usr/sbin/nologin"], f"the account is {account}")
    for path, mode in (("/etc/stagekeeper", "750 root stagekeeper"), ("/run/stagekeeper", "755 root root")):
        found = machine.text("stat", "-c", "%a %U %G", path)
        expect(found == mode, f"{path} has {found}, not {mode}")


def starts(machine):
    """the units start as the README says, and the service tells systemd that it is ready"""
    machine.run("/run/checkout/Tests/Systemd/server.sh")
    for user in (JOB_USER, STRANGER):
        machine.run("useradd", "--system", user)
    machine.run("sh", "-ec", """
      install -d -m 700 /etc/stagekeeper/secrets
      install -m 600 /srv/client/key /etc/stagekeeper/secrets/churn
      install -m 600 /srv/client/signing /etc/stagekeeper/secrets/signing
      systemd-creds encrypt --with-key=host --name=fraud /srv/client/token /etc/stagekeeper/secrets/fraud.cred
      install -m 644 /srv/client/known_hosts /srv/client/ca.pem /etc/stagekeeper
      install -m 640 -g stagekeeper /dev/null /etc/stagekeeper/own
      git clone -q --bare /srv/server/model /srv/local.git
      chown -R stagekeeper: /srv/local.git""")
    machine.write(f"{DROP_IN}/secrets.conf", SECRETS)
    machine.write(f"{DROP_IN}/local.conf", "[Service]\nReadWritePaths=/srv/local.git\n")
    machine.write("/usr/local/bin/spy", SPY, mode="0755")
    configure(machine)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "enable", "--now", *SOCKETS, SERVICE)
    for unit in (*SOCKETS, SERVICE):
        expect(is_active(machine, unit), f"{unit} is not active")
        expect(machine.text("systemctl", "is-enabled", unit) == "enabled", f"{unit} is not enabled")
    expect(machine.show(SERVICE, "Type") == "notify", "the service does not notify")
    text = machine.show(SERVICE, "StatusText")
    expect(text.startswith("ready: 4 repositories"), f"the service's status is: {text}")


def has_sockets(machine):
    """the sockets have the promised modes, and only the superuser gets at the worker's administration"""
    for name, mode in (("worker.sock", "socket 666 root root"), ("admin.sock", "socket 600 root root")):
        found = machine.text("stat", "-c", "%F %a %U %G", f"/run/stagekeeper/{name}")
        expect(found == mode, f"{name} is a {found}, not a {mode}")
    machine.run("stagekeeper-admin", "stats")
    refused = machine.run("stagekeeper-admin", "stats", "--timeout", "5", user=JOB_USER, check=False)
    expect(refused.returncode == 77 and "may not connect" in refused.stderr, f"administered by a job: {refused}")


def is_activated(machine):
    """a job that connects starts the service"""
    machine.run("systemctl", "stop", SERVICE)
    expect(not is_active(machine), "the service goes on after a stop")
    expect(not machine.processes(SERVICE), "processes are left after a stop")
    said = stagekeeper(machine, "whoami").stdout
    uid = machine.text("id", "-u", JOB_USER)
    expect(f"uid {uid} ({JOB_USER})" in said and "tenant ci" in said, f"who a job is: {said}")
    expect(is_active(machine), "the service was not activated")


def starts_at_boot(machine):
    """what is enabled is started with the system's targets, where /run is empty"""
    machine.run("systemctl", "stop", "multi-user.target", "sockets.target", *SOCKETS)
    expect(not is_active(machine), "the service goes on without its sockets")
    machine.run("rm", "-r", "/run/stagekeeper")
    machine.run("systemctl", "start", "sockets.target", "multi-user.target")
    wait_for("the service is active", lambda: is_active(machine))
    stagekeeper(machine, "whoami")


# --- Promoting ---


def pushes_over_ssh(machine):
    """a job's tag goes over ssh, with a key from a credential, and is signed with another"""
    assign(machine, "churn", "dev")
    found = tags(machine, "/srv/git/ml/churn.git")
    expect(found == ["churn#dev#1", "churn@v0.0.1"], f"the tags are {found}")
    git = ("git", "-c", "safe.directory=*", "-c", "gpg.ssh.allowedSignersFile=/srv/client/allowed_signers",
           "-C", "/srv/git/ml/churn.git")
    machine.run(*git, "tag", "--verify", "churn#dev#1")
    message = machine.text(*git, "cat-file", "tag", "churn#dev#1")
    expect(f"Stagekeeper-Requested-By: ci (user {JOB_USER}, " in message, f"who asked: {message}")


def pushes_over_https(machine):
    """a tag goes over https, with a token from an encrypted credential"""
    assign(machine, "fraud", "dev")
    found = tags(machine, "/srv/git/ml/fraud.git")
    expect(found == ["churn#dev#1", "churn@v0.0.1"], f"the tags are {found}")


def pushes_by_path(machine):
    """a tag goes to a repository on the same machine that ReadWritePaths= names"""
    assign(machine, "local", "dev")
    expect("churn#dev#1" in tags(machine, "/srv/local.git"), "the tag is not there")


def refuses(machine):
    """what no grant allows is refused, and the audit log knows who asked"""
    for user, stage in ((STRANGER, "dev"), (JOB_USER, "prod")):
        run = assign(machine, "churn", stage, user=user, check=False)
        expect(run.returncode == 77, f"{user} may assign {stage}: {run}")
    shown = machine.text("stagekeeper-admin", "audit", "show", "--json")
    expect(f'"user": "{STRANGER}"' in shown, f"the audit log: {shown}")
    machine.run("stagekeeper-admin", "audit", "verify")


# --- The sandbox ---


def is_confined(machine):
    """worker, lanes and ssh have no capability, no way to new privileges, and the filter of system calls"""
    uid = machine.text("id", "-u", "stagekeeper")
    stagekeeper(machine, "check-ref", "refs/tags/churn#dev#1", "--fresh", "--repo", "churn")
    names = set()
    for status in filter(None, map(machine.status, machine.processes(SERVICE))):
        names.add(status["Name"])
        expect(status["Uid"].split() == [uid] * 4, f"{status['Name']} runs as {status['Uid']}")
        capabilities = {f"Cap{name}": "0" * 16 for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")}
        for field, value in {"Seccomp": "2", "NoNewPrivs": "1", **capabilities}.items():
            expect(status[field] == value, f"{status['Name']} has {field} {status[field]}")
        expect(int(status["Seccomp_filters"]) > 0, f"{status['Name']} has no filter")
    expect({"stagekeeperd", "stagekeeper-lan", "ssh"} <= names, f"not all were there: {names}")
    limits = machine.text("cat", f"/proc/{main_process(machine)}/limits")
    # systemd itself may not raise a limit where it lacks CAP_SYS_RESOURCE.
    may_raise = int(machine.status(1)["CapEff"], 16) >> 24 & 1
    for name, value in (("open files", "65536"), ("locked memory", "8388608"), ("core file size", "0")):
        if name == "open files" and not may_raise:
            continue
        expect(re.search(rf"Max {name} +{value} +{value} ", limits), f"{name} is not {value}: {limits}")


def sees_little(machine):
    """the worker sees everything read-only but its state, no homes, no other processes, a /tmp of its own"""
    pid = main_process(machine)
    for folder in ("etc", "usr", "srv", "var/lib"):
        run = machine.run("sh", "-c", f"echo > /proc/{pid}/root/{folder}/new", check=False)
        expect("Read-only file system" in run.stderr, f"/{folder} can be written: {run}")
    machine.write("/tmp/of-others", "")
    machine.write("/home/of-others", "")

    def inside(*command):
        return machine.run("nsenter", "--target", str(pid), "--mount", "setpriv", "--reuid", "stagekeeper",
                           "--regid", "stagekeeper", "--init-groups", *command, check=False)

    for path in ("/tmp/of-others", "/home/of-others", "/root/.profile", "/proc/1", "/proc/sys", "/proc/kallsyms"):
        expect(inside("ls", "-d", path).returncode != 0, f"the worker sees {path}")
    for command in (f"cat {CREDENTIALS}/churn", f"cat {CREDENTIALS}/fraud", f"ls {STATE}/journal",
                    "cat /etc/stagekeeper/worker.json5"):
        # As the worker itself may: what is out of a lane's reach below is so by Landlock.
        run = inside(*command.split())
        expect(run.returncode == 0, f"not as the worker: {command}: {run.stderr}")


def keeps_lanes_apart(machine):
    """a lane is under Landlock and reaches no other repository's key, nor the worker's own files"""
    for name, entry in repositories(machine).items():
        expect(entry.get("landlockVersion", 0) > 0, f"the lane of {name} is without Landlock: {entry}")
    lane = repositories(machine)["churn"]["lanePid"]
    limits = machine.text("cat", f"/proc/{lane}/limits")
    expect(re.search(r"Max data size +4294967296 +4294967296 ", limits), f"the lane is not bounded: {limits}")
    run = assign(machine, "spy", "dev", check=False)
    expect(run.stderr.rstrip(".\n").endswith("it said: own\npasswd"), f"what a lane reaches: {run.stderr}")


def probe(machine, name, lines):
    """Runs probe.py as a service with these settings."""
    output = f"/run/probe-{name}"
    machine.write(f"/run/systemd/system/probe-{name}.service", "\n".join([
        "[Service]", "Type=oneshot", "ExecStart=/usr/bin/python3 /run/checkout/Tests/Systemd/probe.py",
        f"StandardOutput=file:{output}", *lines, ""]))
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", f"probe-{name}.service")
    return json.loads(machine.text("cat", output))


def filters(machine):
    """system calls that it does not need are refused, to the superuser with all capabilities too"""
    unit = machine.text("cat", f"/usr/local/lib/systemd/system/{SERVICE}")
    start = ("Type", "NotifyAccess", "Exec", "NonBlocking", "Sockets", "Restart", "User", "Group", "StateDirectory",
             "CapabilityBoundingSet")
    section = unit.split("[Service]\n", 1)[1].split("[Install]", 1)[0]
    sandbox = [line for line in section.splitlines() if "=" in line and not line.startswith((*start, "#"))]
    expect(len(sandbox) > 30, f"the unit's sandbox is {sandbox}")
    free = probe(machine, "free", [])
    held = probe(machine, "held", [*sandbox, f"ReadWritePaths={STATE}"])
    for call, result in held.items():
        if call.startswith(("open a TCP", "open a Unix", "ask for Landlock")):
            expect(result == "ok", f"needed, and refused: {call}: {result}")
        else:
            expect(result in ("EPERM", "EAFNOSUPPORT"), f"not refused: {call}: {result}")
            expect(free[call] != result, f"refused without the sandbox too, so that nothing is shown: {call}: {result}")


def keeps_files_to_itself(machine):
    """nobody else can read the state: journal, audit log, mirrors"""
    found = machine.text("find", STATE, "-perm", "/077", "-o", "-not", "-user", "stagekeeper")
    expect(not found, f"others may use {found}")
    names = machine.text("ls", "-A", STATE, f"{STATE}/journal", f"{STATE}/audit")
    expect("journal-0000000001" in names and "audit-0000000001.jsonl" in names, f"the state is {names}")
    secrets = [machine.text("sed", "-n", "4p", "/srv/client/key"), machine.text("cat", "/srv/client/token")]
    said = machine.journal("--unit", SERVICE) + machine.text("systemctl", "show", SERVICE)
    expect(not any(secret in said for secret in secrets), "a secret is in the journal or in the unit's properties")


# --- Running it ---


def reloads(machine):
    """systemctl reload applies a changed configuration, and a wrong one changes nothing"""
    before = main_process(machine)
    configure(machine, stages=("dev", "staging", "prod"))
    machine.run("systemctl", "reload", SERVICE)
    wait_for("the new grant counts", lambda: assign(machine, "churn", "prod", check=False).returncode == 0)
    machine.write("/etc/stagekeeper/worker.json5", "{ repositories: ")
    machine.run("systemctl", "reload", SERVICE)
    wait_for("the mistake is told", lambda: "nothing has changed" in machine.journal("--unit", SERVICE))
    stagekeeper(machine, "whoami")
    configure(machine, stages=("dev", "staging", "prod"))
    machine.run("systemctl", "reload", SERVICE)
    expect(main_process(machine) == before, "the worker was started anew")


def keeps_jobs(machine):
    """systemctl restart keeps the jobs that wait, and each is done once"""
    before = main_process(machine)
    machine.run("stagekeeper-admin", "pause", "churn")
    job = assign(machine, "churn", "staging", "--no-wait").stdout.strip()
    machine.run("systemctl", "restart", SERVICE)
    expect(main_process(machine) != before, "the worker is the same")
    queue = json.loads(machine.text("stagekeeper-admin", "queue", "--json"))["jobs"]
    expect([(entry["job"], entry["state"]) for entry in queue] == [(job, "queued")], f"the queue is {queue}")
    machine.run("stagekeeper-admin", "resume", "churn")
    stagekeeper(machine, "job", "wait", job)
    found = [tag for tag in tags(machine, "/srv/git/ml/churn.git") if "#staging#" in tag]
    expect(len(found) == 1, f"the tags are {found}")


def survives(machine):
    """a worker that is killed is started again, and nothing of the old one is left"""
    machine.run("systemctl", "reset-failed", SERVICE)
    assign(machine, "fraud", "staging")
    old = machine.processes(SERVICE)
    machine.run("systemctl", "kill", "--kill-who=main", "--signal=KILL", SERVICE)
    wait_for("another worker runs", lambda: main_process(machine) not in (0, *old) and is_active(machine))
    left = set(old) & set(machine.processes(SERVICE))
    expect(not left, f"processes of the killed worker are left: {left}")
    assign(machine, "fraud", "prod")


def stops(machine):
    """systemctl stop ends the worker in order, with no process left and the sockets still there"""
    pid = main_process(machine)
    machine.run("systemctl", "stop", SERVICE)
    result = [machine.show(SERVICE, name) for name in ("Result", "ExecMainStatus", "ActiveState")]
    expect(result == ["success", "0", "inactive"], f"the stop ended with {result}")
    said = machine.journal("--unit", SERVICE, f"_PID={pid}")
    expect("stopping signal=15" in said, f"no word of an orderly end: {said}")
    left = machine.run("pgrep", "-l", "-u", "stagekeeper", check=False).stdout
    expect(not left, f"processes are left: {left}")
    for unit in SOCKETS:
        expect(is_active(machine, unit), f"{unit} is not active")
    machine.run("stagekeeper-admin", "audit", "verify", STATE)


def refuses_a_wrong_file(machine):
    """a wrong configuration ends the start with status 78, and is not tried again"""
    machine.run("systemctl", "reset-failed", SERVICE)
    machine.write("/etc/stagekeeper/worker.json5", "{ repositories: ")
    run = machine.run("systemctl", "start", SERVICE, check=False)
    expect(run.returncode != 0, "the service started")
    result = [machine.show(SERVICE, name) for name in ("Result", "ExecMainStatus", "ActiveState", "NRestarts")]
    expect(result == ["exit-code", "78", "failed", "0"], f"the start ended with {result}")
    configure(machine)
    machine.run("systemctl", "start", SERVICE)
    stagekeeper(machine, "whoami")


def says_nothing_odd(machine):
    """the log has nothing that its administrator did not cause"""
    lines = machine.journal("--unit", SERVICE, "--output", "cat").splitlines()
    odd = [line for line in lines if re.search("Failed|not permitted|denied|BUG", line)]
    expect(not odd, f"the worker's log says: {odd[:5]}")


CHECKS = (installs, starts, has_sockets, starts_at_boot, is_activated,
          pushes_over_ssh, pushes_over_https, pushes_by_path, refuses,
          is_confined, sees_little, keeps_lanes_apart, filters, keeps_files_to_itself,
          reloads, keeps_jobs, survives, stops, refuses_a_wrong_file, says_nothing_odd)
