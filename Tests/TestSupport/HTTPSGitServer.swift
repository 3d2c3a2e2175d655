internal import SystemCalls

/// nginx with `git http-backend` on loopback: https by a certificate authority of its own, and http.
public final class HTTPSGitServer: Sendable {
  public let port: UInt16
  public let plainPort: UInt16
  /// The certificate of the authority, in PEM.
  public let caFile: String
  public let username = "ci"
  /// The password that the server asks for.
  public let token: String
  public let tokenFile: String
  public let nginx: RunningProgram
  public let backend: RunningProgram
  private let directory: TemporaryDirectory

  /// Starts the server and waits until it listens.
  ///
  /// - Parameter extra: lines of nginx's configuration within both servers.
  public init(extra: String = "") throws {
    directory = try TemporaryDirectory(mode: 0o700)
    token = "token-" + (try ThisProcess.randomBytes(12).map { String($0, radix: 36) }.joined())
    tokenFile = try directory.write("token", token + "\n", mode: 0o600)
    caFile = try Self.makeCertificates(directory)
    port = try Loopback.freePort()
    plainPort = try Loopback.freePort()
    let socket = directory.appending("fcgi")
    backend = try Program.start(
      "fcgiwrap", ["-c", "8", "-s", "unix:\(socket)"], log: directory.appending("fcgi.log"))
    let configuration = Self.configuration(
      directory: directory.path, port: port, plainPort: plainPort, token: token, extra: extra)
    let file = try directory.write("nginx.conf", configuration)
    try Self.write(password: token, of: username, directory)
    try directory.write("backend.conf", Self.backendConfiguration(socket: socket))
    nginx = try Program.start(
      "nginx", ["-p", directory.path, "-c", file, "-e", directory.appending("error.log")],
      log: directory.appending("nginx.log"))
    try Loopback.waitUntilAccepting(port, nginx)
    try Loopback.waitUntilAccepting(plainPort, nginx)
  }

  /// Closes the connections that rest, and goes on with other processes, as after a change of its configuration.
  public func reload() throws {
    let old = nginx.child.children
    try Program.check("kill", ["-HUP", "\(nginx.child.pid)"])
    try Eventually.holds("the old processes are gone") {
      let now = nginx.child.children
      return !now.isEmpty && !now.contains(where: old.contains)
    }
  }

  /// Ends every connection that is open in the middle of whatever it carries.
  public func dropConnections() {
    // The first process starts others in their place.
    for pid in nginx.child.children { ProcessTable.kill(pid) }
  }

  /// A request that was answered.
  public struct Request: Sendable {
    /// The number of the connection that it came over.
    public let connection: String
    public let status: String
    /// Such as `GET /repository.git/info/refs?service=git-receive-pack HTTP/1.1`.
    public let line: String
  }

  /// All requests so far.
  public var requests: [Request] {
    let text = (try? Files.read(directory.appending("access.log"), limit: 16 << 20)) ?? []
    return String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap { line in
      let parts = line.split(separator: " ", maxSplits: 2).map(String.init)
      return parts.count == 3 ? Request(connection: parts[0], status: parts[1], line: parts[2]) : nil
    }
  }

  /// Accepts this password from now on, and no other.
  public func accept(_ password: String) throws {
    try Self.write(password: password, of: username, directory)
  }

  private static func write(password: String, of username: String, _ directory: TemporaryDirectory) throws {
    let hash = try Program.check("openssl", ["passwd", "-apr1", password])
    try directory.write("users", "\(username):\(hash)")
  }

  /// The url of a repository on this machine through this server.
  public func url(_ path: String) -> String { "https://localhost:\(port)\(path)" }

  /// The same without TLS.
  public func plainURL(_ path: String) -> String { "http://127.0.0.1:\(plainPort)\(path)" }

  /// Sends everybody elsewhere.
  public static func redirecting(to url: String) -> String {
    "location /moved/ { return 301 \(url)$request_uri; }"
  }

  private static func makeCertificates(_ directory: TemporaryDirectory) throws -> String {
    func openssl(_ arguments: [String]) throws { try Program.check("openssl", arguments, in: directory.path) }
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    try openssl(
      ["req", "-x509", "-days", "30", "-subj", "/CN=Test CA", "-keyout", "ca.key", "-out", "ca.pem"] + key)
    try openssl(["req", "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"] + key)
    try directory.write("names", "subjectAltName=DNS:localhost,DNS:*.localhost,IP:127.0.0.1\n")
    try openssl([
      "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days",
      "30",
      "-extfile", "names", "-out", "server.pem",
    ])
    return directory.appending("ca.pem")
  }

  private static func backendConfiguration(socket: String) -> String {
    let backend = "/usr/lib/git-core/git-http-backend"
    let parameters = [
      "SCRIPT_FILENAME \(backend)", "GIT_PROJECT_ROOT /", "GIT_HTTP_EXPORT_ALL 1",
      "PATH_INFO $fastcgi_script_name",
      "QUERY_STRING $query_string", "REQUEST_METHOD $request_method", "CONTENT_TYPE $content_type",
      "CONTENT_LENGTH $content_length", "REMOTE_USER ci", "REMOTE_ADDR $remote_addr", "HOME /nonexistent",
    ]
    return parameters.map { "fastcgi_param \($0);\n" }.joined() + "fastcgi_pass unix:\(socket);\n"
  }

  private static func configuration(
    directory: String, port: UInt16, plainPort: UInt16, token: String, extra: String
  ) -> String {
    let location = """
      \(extra)
          location / {
            auth_basic "git";
            auth_basic_user_file \(directory)/users;
            include \(directory)/backend.conf;
          }
          location /open/ {
            rewrite ^/open(/.*)$ $1 break;
            include \(directory)/backend.conf;
          }
      """
    return """
      \(ThisProcess.uid == 0 ? "user root;" : "")
      daemon off;
      worker_processes 1;
      pid \(directory)/nginx.pid;
      events { worker_connections 256; }
      http {
        log_format connections '$connection $status $request';
        access_log \(directory)/access.log connections;
        client_body_temp_path \(directory)/body;
        proxy_temp_path \(directory)/proxy;
        fastcgi_temp_path \(directory)/fastcgi;
        uwsgi_temp_path \(directory)/uwsgi;
        scgi_temp_path \(directory)/scgi;
        tcp_nodelay on;
        server {
          listen 127.0.0.1:\(port) ssl;
          ssl_certificate \(directory)/server.pem;
          ssl_certificate_key \(directory)/server.key;
          \(location)
        }
        server {
          listen 127.0.0.1:\(plainPort);
          \(location)
        }
      }
      """
  }
}
