/// What the configuration and the lane take for the URL of a repository, and what both refuse: each has a reader of its
/// own, and the tests of either go through this table.
public enum RepositoryURLs {
  public static let good = [
    "ssh://git@example.com/ml/churn.git", "ssh://example.com:2222/x", "SSH://example.com/x",
    "ssh://git@[::1]:22/x", "ssh://host/~ml/x%20y", "ssh://host//x", "ssh://a_b.c-d/x", "ssh://u.v-w_x+y@h/x",
    "git@example.com:ml/churn.git", "host:x", "host:~ml/x", "host:a%zz", "host:22/x",
    "https://example.com/ml/churn.git", "HTTPS://example.com/x", "https://example.com/a%zz",
    "http://ci@localhost:8080/x", "http://[::1]:8080/x", "/srv/it's here.git", "/", "//x",
    "file:///srv/a%25b",
    "file:///srv/r\u{E4}t", "ssh://h:65535/x", "ssh://\(String(repeating: "h", count: 253))/x",
  ]

  public static let bad = [
    "", "relative/path", "./x:y", "ftp://example.com/x", "ssh://-oProxyCommand=x/y", "ssh://-oProxy/p",
    "-oProxyCommand=x:y", "ssh://host", "ssh://host/", "https://host", "https://host/",
    "ssh://git:secret@host/x",
    "https://user:secret@host/x", "https://:secret@host/x", "https://host/x?y", "https://host/x#y",
    "https://host/a b", "ssh://-l@host/x", "ssh://host:0/x", "ssh://host:99999/x", "ssh://host:22a/x",
    "ssh://host:/x", "ssh://ho st/x", "host:-x", "host:", ":x", "ssh://host/x\ny", "file://host/x", "[::1]:x",
    "file:///a%0ab", "file:///a%ff", "ssh://host/x%zz", "ssh://host/x%4", "ssh://host/x%C3",
    "ssh://a b@host/x",
    "https://$(x)/y", "ssh://git@/x", "ssh:///x", "ssh://../x", "ssh://[]/x", "ssh://[::g]/x", "ssh://[::1/x",
    "ssh://h\u{F6}st/x", "ssh://\(String(repeating: "h", count: 254))/x",
    "/\(String(repeating: "x", count: 4096))",
  ]
}
