internal import COpenSSL
internal import Glibc

/// Collects the numbers of a key for `EVP_PKEY_fromdata`, and owns them meanwhile.
struct KeyParameters: ~Copyable {
  private let builder: OpaquePointer
  private var numbers: [OpaquePointer] = []
  /// The builder keeps the pointers of names, so they have to stay.
  private var names: [UnsafeMutablePointer<CChar>?] = []
  private let operation: String

  init(_ operation: String) throws(SigningError) {
    self.operation = operation
    builder = try OpenSSLCall.pointer(operation) { OSSL_PARAM_BLD_new() }
  }

  deinit {
    OSSL_PARAM_BLD_free(builder)
    for number in numbers { BN_clear_free(number) }
    for name in names { free(name) }
  }

  /// Adds a number given as big-endian bytes. The copy is wiped with the rest.
  mutating func add(_ name: String, _ bigEndian: UnsafeRawBufferPointer) throws(SigningError) {
    let number = try Self.number(bigEndian, operation)
    try add(name, takingOwnership: number)
  }

  mutating func add(_ name: String, takingOwnership number: OpaquePointer) throws(SigningError) {
    numbers.append(number)
    let name = strdup(name)
    names.append(name)
    try OpenSSLCall.status(operation) { OSSL_PARAM_BLD_push_BN(builder, name, number) }
  }

  /// Makes the key. `point` is lent to OpenSSL until it has copied it.
  mutating func makeKey(
    _ type: String, private isPrivate: Bool, group: String? = nil, point: [UInt8] = []
  ) throws(SigningError) -> EVPKey {
    if let group { try add(OSSL_PKEY_PARAM_GROUP_NAME, group) }
    let key = try point.withUnsafeBufferPointer { (octets) throws(SigningError) in
      if !octets.isEmpty { try add(OSSL_PKEY_PARAM_PUB_KEY, octets) }
      return try fromData(type, isPrivate)
    }
    return try EVPKey(takingOwnership: key, operation)
  }

  private mutating func add(_ name: String, _ text: String) throws(SigningError) {
    let (name, text) = (strdup(name), strdup(text))
    names += [name, text]
    try OpenSSLCall.status(operation) { OSSL_PARAM_BLD_push_utf8_string(builder, name, text, 0) }
  }

  private mutating func add(_ name: String, _ octets: UnsafeBufferPointer<UInt8>) throws(SigningError) {
    let name = strdup(name)
    names.append(name)
    try OpenSSLCall.status(operation) {
      OSSL_PARAM_BLD_push_octet_string(builder, name, octets.baseAddress, octets.count)
    }
  }

  /// A new number from big-endian bytes, which the caller owns.
  static func number(
    _ bigEndian: UnsafeRawBufferPointer, _ operation: String
  ) throws(SigningError) -> OpaquePointer {
    try OpenSSLCall.pointer(operation) {
      // In secure memory where there is some; and the parameters made from it are wiped when freed.
      guard let number = BN_secure_new() else { return nil }
      let bytes = bigEndian.bindMemory(to: UInt8.self)
      if BN_bin2bn(bytes.baseAddress, Int32(bytes.count), number) == nil {
        BN_clear_free(number)
        return nil
      }
      BN_set_flags(number, BN_FLG_CONSTTIME)
      return number
    }
  }

  private borrowing func fromData(
    _ type: String, _ isPrivate: Bool
  ) throws(SigningError) -> OpaquePointer {
    ERR_clear_error()
    guard let parameters = OSSL_PARAM_BLD_to_param(builder) else {
      throw SigningError(.cryptography, operation, "out of memory")
    }
    defer { OSSL_PARAM_free(parameters) }
    let context = try OpenSSLCall.pointer(operation) { EVP_PKEY_CTX_new_from_name(nil, type, nil) }
    defer { EVP_PKEY_CTX_free(context) }
    try OpenSSLCall.status(operation) { EVP_PKEY_fromdata_init(context) }
    return try OpenSSLCall.pointer(operation, code: .notAKey) {
      var key: OpaquePointer?
      let selection = isPrivate ? stagekeeper_pkey_keypair : stagekeeper_pkey_public_key
      return EVP_PKEY_fromdata(context, &key, selection, parameters) > 0 ? key : nil
    }
  }
}
