import GitRemote
import TestSupport
import Testing

@Suite struct RemoteURLTests {
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

  @Test(arguments: RepositoryURLs.bad) func refuses(_ text: String) {
    let error = #expect(throws: GitRemoteError.self) { try RemoteURL(text) }
    #expect(error?.code == .invalid)
    #expect(error?.description.contains("secret") == false)
  }

  @Test(arguments: RepositoryURLs.good) func accepts(_ text: String) throws {
    #expect(try RemoteURL(text).description == text)
  }
}
