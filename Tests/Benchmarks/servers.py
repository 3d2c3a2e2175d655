"""The Git servers that the measurements use: sshd and nginx on loopback, with keys of their own."""

import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def find(program):
    path = shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if not path:
        raise SystemExit(f"{program} is not installed")
    return path


def wait_for(what, holds, seconds=30):
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Processes:
    """What was started, so that nothing is left."""

    def __init__(self):
        self.started = []

    def start(self, command, log, **options):
        with open(log, "ab") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                       start_new_session=True, **options)
        self.started.append(process)
        return process

    def stop(self, process, seconds=15):
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                pass
        self.kill_group(process)
        process.wait()
        self.started.remove(process)

    def kill_group(self, process):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def stop_all(self):
        for process in reversed(self.started[:]):
            self.stop(process)


class SSHServer:
    """OpenSSH's server for the account that runs this, and how clients reach it."""

    def __init__(self, place, processes):
        self.place, self.processes, self.port, self.user = place, processes, free_port(), getpass.getuser()
        os.makedirs(place, 0o700)
        self.key, host_key = self.make_key("user"), self.make_key("host")
        with open(host_key + ".pub", encoding="utf-8") as file:
            host = file.read()
        self.known_hosts = self.write("known_hosts", f"[127.0.0.1]:{self.port} {host}")
        self.control = os.path.join(place, "master")
        if os.getuid() == 0:
            os.makedirs("/run/sshd", 0o755, exist_ok=True)
        settings = [
            "ListenAddress 127.0.0.1", f"Port {self.port}", f"HostKey {host_key}", f"PidFile {place}/pid",
            f"AuthorizedKeysFile {self.key}.pub", "StrictModes no", "UsePAM no", "UseDNS no", "PrintMotd no",
            "PermitRootLogin prohibit-password", "PasswordAuthentication no",
            "KbdInteractiveAuthentication no", "MaxStartups 200", "MaxSessions 100", f"SetEnv HOME={place}",
        ]
        configuration = self.write("sshd_config", "\n".join(settings) + "\n")
        processes.start([find("sshd"), "-D", "-e", "-f", configuration], f"{place}/log")
        wait_for("sshd listens", lambda: accepts(self.port))

    def make_key(self, name):
        path = os.path.join(self.place, name)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "benchmark", "-f", path], check=True)
        return path

    def write(self, name, text):
        path = os.path.join(self.place, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def url(self, path):
        return f"ssh://{self.user}@127.0.0.1:{self.port}{path}"

    def client(self, shared):
        """The client's command line, as words; `shared` connects through the master."""
        return ["ssh", "-F", "none", "-i", self.key, "-o", f"UserKnownHostsFile={self.known_hosts}",
                "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
                *(["-o", f"ControlPath={self.control}", "-o", "ControlMaster=no"] if shared else [])]

    def program_directory(self):
        """A directory with an `ssh` that knows key and host, for programs that don't heed GIT_SSH_COMMAND."""
        directory = os.path.join(self.place, "bin")
        os.makedirs(directory, exist_ok=True)
        words = " ".join([find("ssh"), *self.client(shared=False)[1:]])
        os.chmod(self.write("bin/ssh", f'#!/bin/sh\nexec {words} "$@"\n'), 0o755)
        return directory

    def destination(self):
        return ["-p", str(self.port), f"{self.user}@127.0.0.1"]

    def start_master(self):
        """Opens the connection that `client(shared=True)` shares."""
        command = [*self.client(shared=False), "-M", "-N", "-S", self.control, *self.destination()]
        self.processes.start(command, f"{self.place}/master.log")
        wait_for("the shared ssh connection is open", lambda: os.path.exists(self.control))


class HTTPSServer:
    """nginx with `git http-backend` and a certificate authority of its own."""

    username = "ci"

    def __init__(self, place, processes):
        self.place, self.port, self.token = place, free_port(), secrets.token_hex(12)
        os.makedirs(place, 0o700)
        self.token_file = self.write("token", self.token + "\n")
        os.chmod(self.token_file, 0o600)
        self.ca_file = os.path.join(place, "ca.pem")
        self.make_certificates()
        hashed = subprocess.run(["openssl", "passwd", "-apr1", self.token], check=True, capture_output=True,
                                text=True).stdout
        self.write("users", f"{self.username}:{hashed}")
        self.write("nginx.conf", self.configuration())
        processes.start([find("fcgiwrap"), "-c", "8", "-s", f"unix:{place}/fcgi"], f"{place}/fcgi.log")
        processes.start([find("nginx"), "-p", place, "-c", f"{place}/nginx.conf", "-e", f"{place}/error.log"],
                        f"{place}/nginx.log")
        wait_for("nginx listens", lambda: accepts(self.port))

    def write(self, name, text):
        path = os.path.join(self.place, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def url(self, path):
        return f"https://localhost:{self.port}{path}"

    def make_certificates(self):
        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], cwd=self.place, check=True, capture_output=True)

        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        openssl("req", "-x509", "-days", "30", "-subj", "/CN=Benchmark CA", "-keyout", "ca.key", "-out", "ca.pem",
                *key)
        openssl("req", "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr", *key)
        self.write("names", "subjectAltName=DNS:localhost\n")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", "30", "-extfile", "names", "-out", "server.pem")

    def configuration(self):
        parameters = {
            "SCRIPT_FILENAME": "/usr/lib/git-core/git-http-backend", "GIT_PROJECT_ROOT": "/",
            "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": "$fastcgi_script_name", "QUERY_STRING": "$query_string",
            "REQUEST_METHOD": "$request_method", "CONTENT_TYPE": "$content_type",
            "CONTENT_LENGTH": "$content_length", "REMOTE_USER": self.username, "REMOTE_ADDR": "$remote_addr",
            "HOME": "/nonexistent",
        }
        backend = "".join(f"fastcgi_param {key} {value};\n" for key, value in parameters.items())
        temporary = "".join(f"{kind}_temp_path {self.place}/{kind};\n"
                            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        return f"""{"user root;" if os.getuid() == 0 else ""}
daemon off; worker_processes 1; pid {self.place}/nginx.pid;
events {{ worker_connections 256; }}
http {{
  access_log off; tcp_nodelay on; keepalive_timeout 600; keepalive_requests 100000;
  {temporary}
  server {{
    listen 127.0.0.1:{self.port} ssl;
    ssl_certificate {self.place}/server.pem; ssl_certificate_key {self.place}/server.key;
    location / {{
      auth_basic "git"; auth_basic_user_file {self.place}/users;
      {backend} fastcgi_pass unix:{self.place}/fcgi;
    }}
  }}
}}
"""
