/// The lines that the worker puts under a tag's message. Grammar: docs/approvals.md, "Trailers".
public enum TagTrailer {
  /// Which job made the tag. It makes the tag object unlike any other, too.
  public static func job(worker: String, number: String) -> String { "Stagekeeper-Job: \(worker)/\(number)" }

  /// Who asked for it.
  public static func requestedBy(tenant: String, user: String?, uid: UInt32) -> String {
    "Stagekeeper-Requested-By: " + person(tenant, user, uid)
  }

  /// The key that the request came with.
  public static func requestKey(_ key: String) -> String { "Stagekeeper-Request-Key: \(encoded(key))" }

  /// Who approved it: one line for each.
  public static func approvedBy(tenant: String, user: String?, uid: UInt32) -> String {
    "Stagekeeper-Approved-By: " + person(tenant, user, uid)
  }

  private static func person(_ tenant: String, _ user: String?, _ uid: UInt32) -> String {
    "\(encoded(tenant)) (\(user.map { "user \(encoded($0)), " } ?? "")uid \(uid))"
  }

  /// A word of a trailer: every byte but printable ASCII, and each of `%`, `(`, `)` and `,`, as `%XX`.
  static func encoded(_ word: String) -> String {
    word.utf8.reduce(into: "") { text, byte in
      let isPlain = (0x21...0x7E).contains(byte) && ![0x25, 0x28, 0x29, 0x2C].contains(byte)
      let digits = String(byte, radix: 16, uppercase: true)
      text += isPlain ? String(Unicode.Scalar(byte)) : "%" + (byte < 16 ? "0" : "") + digits
    }
  }
}
