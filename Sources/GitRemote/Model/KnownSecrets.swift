internal import Synchronization
internal import SystemCalls

/// The secrets that this process has told a server, in the forms in which the server has seen them: no text of the
/// server's may repeat one. One list for the process, so that no way out of it can be forgotten.
enum KnownSecrets {
  /// Shorter ones would be found in ordinary words.
  static let minimumLength = 4
  /// The newest count: a process that runs for long sees many short-lived tokens.
  private static let limit = 64

  private static let forms = Mutex<[SecretBytes]>([])

  /// Adds a password as it is, percent-encoded, and as http's Basic authentication sends it (RFC 7617).
  static func add(username: String, password: SecretBytes) {
    let pair = SecretBytes(joining: [SecretBytes(copying: Array("\(username):".utf8)), password])
    let new = [password, percentEncoded(password), base64(pair), base64(password)]
    forms.withLock { forms in
      for form in new where form.count >= minimumLength && !forms.contains(where: { isEqual($0, form) }) {
        forms.append(form)
      }
      forms.removeFirst(max(0, forms.count - limit))
    }
  }

  /// The longest first, so that one that begins with another is replaced as a whole.
  static var all: [SecretBytes] { forms.withLock { $0.sorted { $0.count > $1.count } } }

  private static func isEqual(_ one: SecretBytes, _ other: SecretBytes) -> Bool {
    one.withUnsafeBytes { one in other.withUnsafeBytes { one.elementsEqual($0) } }
  }

  // MARK: Forms

  /// RFC 3986: what is not unreserved is written as `%` and two digits.
  private static func percentEncoded(_ secret: SecretBytes) -> SecretBytes {
    let digits = Array("0123456789ABCDEF".utf8)
    return write(secret, capacity: secret.count * 3) { byte, put in
      if isUnreserved(byte) { return put(byte) }
      put(UInt8(ascii: "%"))
      put(digits[Int(byte >> 4)])
      put(digits[Int(byte & 15)])
    }
  }

  private static func isUnreserved(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e: true
    default: false
    }
  }

  /// RFC 4648, without the padding at the end, which may be cut off.
  private static func base64(_ secret: SecretBytes) -> SecretBytes {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var bits = 0
    var held = 0
    let whole = write(secret, capacity: secret.count * 4 / 3 + 2) { byte, put in
      bits = (bits << 8 | Int(byte)) & 0xffff
      held += 8
      while held >= 6 {
        held -= 6
        put(alphabet[bits >> held & 63])
      }
    }
    if held == 0 { return whole }
    return SecretBytes(joining: [whole, SecretBytes(copying: [alphabet[bits << (6 - held) & 63]])])
  }

  private static func write(
    _ secret: SecretBytes, capacity: Int, _ encode: (UInt8, (UInt8) -> Void) -> Void
  ) -> SecretBytes {
    SecretBytes(capacity: capacity) { memory in
      var count = 0
      secret.withUnsafeBytes { bytes in
        for byte in bytes {
          encode(byte) {
            memory[count] = $0
            count += 1
          }
        }
      }
      return count
    }
  }
}
