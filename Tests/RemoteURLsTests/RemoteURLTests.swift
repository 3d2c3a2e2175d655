import RemoteURLs
import Testing

@Suite struct RemoteURLTests {
  private static let good = [
    "ssh://git@example.com/ml/churn.git", "ssh://example.com:2222/x", "SSH://example.com/x",
    "ssh://git@[::1]:22/x", "ssh://host/~ml/x%20y", "ssh://host//x", "ssh://a_b.c-d/x", "ssh://u.v-w_x+y@h/x",
    "git@example.com:ml/churn.git", "host:x", "host:~ml/x", "host:a%zz", "host:22/x",
    "https://example.com/ml/churn.git", "HTTPS://example.com/x", "https://example.com/a%zz",
    "http://ci@localhost:8080/x", "http://[::1]:8080/x", "/srv/it's here.git", "/", "//x",
    "file:///srv/a%25b",
    "file:///srv/r\u{E4}t", "ssh://h:65535/x", "ssh://\(String(repeating: "h", count: 253))/x",
  ]

  private static let bad = [
    "", "relative/path", "./x:y", "ftp://example.com/x", "ssh://-oProxyCommand=x/y", "ssh://-oProxy/p",
    "-oProxyCommand=x:y", "ssh://host", "ssh://host/", "https://host", "https://host/",
    "ssh://git:secret@host/x",
    "https://user:secret@host/x", "https://:secret@host/x", "https://host/x?y", "https://host/x#y",
    "https://host/a b", "ssh://-l@host/x", "ssh://host:0/x", "ssh://host:99999/x", "ssh://host:22a/x",
    "ssh://host:/x", "ssh://ho st/x", "host:-x", "host:", ":x", "ssh://host/x\ny", "file://host/x", "file://",
    "[::1]:x",
    "file:///a%0ab", "file:///a%ff", "ssh://host/x%zz", "ssh://host/x%4", "ssh://host/x%C3",
    "ssh://a b@host/x",
    "https://$(x)/y", "ssh://git@/x", "ssh:///x", "ssh://../x", "ssh://[]/x", "ssh://[::g]/x", "ssh://[::1/x",
    "ssh://h\u{F6}st/x", "ssh://\(String(repeating: "h", count: 254))/x",
    "/\(String(repeating: "x", count: 4096))",
  ]

  @Test(arguments: [
    (
      "ssh://git@example.com/ml/churn.git",
      RemoteURL.Location.ssh(user: "git", host: "example.com", port: nil, path: "/ml/churn.git")
    ),
    ("ssh://example.com:2222/x", .ssh(user: nil, host: "example.com", port: 2222, path: "/x")),
    ("ssh://git@[::1]:22/x", .ssh(user: "git", host: "[::1]", port: 22, path: "/x")),
    ("ssh://host/~ml/x%20y", .ssh(user: nil, host: "host", port: nil, path: "~ml/x y")),
    ("git@example.com:ml/churn.git", .ssh(user: "git", host: "example.com", port: nil, path: "ml/churn.git")),
    (
      "https://example.com/ml/churn.git",
      .http(secure: true, user: nil, host: "example.com", port: nil, path: "/ml/churn.git")
    ),
    (
      "http://ci@localhost:8080/x",
      .http(secure: false, user: "ci", host: "localhost", port: 8080, path: "/x")
    ),
    ("/srv/it's here.git", .path("/srv/it's here.git")),
    ("file:///srv/a%25b", .path("/srv/a%b")),
  ]) func reads(_ text: String, _ location: RemoteURL.Location) throws {
    #expect(try RemoteURL(text).location == location)
  }

  @Test(arguments: bad) func refuses(_ text: String) {
    let error = #expect(throws: MalformedURL.self) { try RemoteURL(text) }
    #expect(error?.message.isEmpty == false && error?.message.contains("secret") == false)
  }

  @Test(arguments: good) func accepts(_ text: String) throws {
    #expect(try RemoteURL(text).description == text)
  }
}
