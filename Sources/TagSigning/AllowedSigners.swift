/// Who may sign: OpenSSH's `allowed_signers` file (ssh-keygen(1), ALLOWED SIGNERS).
public struct AllowedSigners: Sendable {
  /// One line of the file.
  struct Entry: Sendable {
    let principals: SSHPatternList
    let key: PublicKey
    /// Nil allows every namespace.
    var namespaces: SSHPatternList?
    /// The first second at which the key counts.
    var validAfter: Int64?
    /// The last second at which the key counts.
    var validBefore: Int64?
  }

  let entries: [Entry]
  private let keys: [[UInt8]: PublicKey]

  init(entries: [Entry]) {
    self.entries = entries
    keys = Dictionary(entries.map { ($0.key.blob, $0.key) }, uniquingKeysWith: { first, _ in first })
  }

  /// How many lines have a key.
  public var count: Int { entries.count }

  /// The key with this encoding, made once when the file was read.
  func key(blob: [UInt8]) -> PublicKey? { keys[blob] }
}

// MARK: Who signed

extension AllowedSigners {
  /// Names the principal that a key stands for at a time, or says why it stands for none.
  ///
  /// Without an expected principal the answer is Git's (`verify_ssh_signed_buffer` in gpg-interface.c): the
  /// first line with the key that is valid at the time tells the principals, and one of them has to be allowed.
  func principal(
    of key: PublicKey, at time: Int64, expecting expected: String?
  ) throws(VerificationFailure) -> String {
    for candidate in candidates(key, time, expected) where isAllowed(candidate, key, time) {
      return String(decoding: candidate, as: UTF8.self)
    }
    throw failure(key, time, expected)
  }

  private func candidates(_ key: PublicKey, _ time: Int64, _ expected: String?) -> [[UInt8]] {
    if let expected { return [Array(expected.utf8)] }
    let first = entries.first { $0.key == key && $0.validity(at: time) == nil }
    return first?.principals.elements.filter { !$0.isNegated }.map(\.pattern) ?? []
  }

  private func isAllowed(_ principal: [UInt8], _ key: PublicKey, _ time: Int64) -> Bool {
    entries.contains {
      $0.key == key && $0.principals.matches(principal) && $0.allowsGit && $0.validity(at: time) == nil
    }
  }

  /// The most telling reason: of the lines with this key, what is wrong with the last one.
  private func failure(_ key: PublicKey, _ time: Int64, _ expected: String?) -> VerificationFailure {
    let lines = entries.filter { $0.key == key }
    guard let last = lines.last else {
      return VerificationFailure(.unknownKey, "the key is not among the allowed signers", key)
    }
    if let expected, !lines.contains(where: { $0.principals.matches(Array(expected.utf8)) }) {
      return VerificationFailure(.wrongPrincipal, "the key is not one of \(expected)", key)
    }
    if let code = last.validity(at: time) {
      let words =
        code == .expired ? "had expired at the tagger's time" : "was not valid yet at the tagger's time"
      return VerificationFailure(code, "the key \(words)", key)
    }
    return VerificationFailure(.wrongNamespace, "the key is not allowed to sign for Git", key)
  }
}

extension AllowedSigners.Entry {
  /// Nil when the key counts at that second; both limits belong to the time.
  fileprivate func validity(at time: Int64) -> VerificationFailure.Code? {
    if let validAfter, time < validAfter { return .notYetValid }
    if let validBefore, time > validBefore { return .expired }
    return nil
  }

  fileprivate var allowsGit: Bool {
    namespaces?.matches(Array(SSHSignature.namespace.utf8)) ?? true
  }
}
