internal import COpenSSL

/// Copies between `BIGNUM` and big-endian bytes.
enum BigNumber {
  /// Without leading zeros. OpenSSL: `BN_bn2bin`.
  static func bytes(_ number: OpaquePointer) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: (Int(BN_num_bits(number)) + 7) / 8)
    let count = BN_bn2bin(number, &bytes)
    return Array(bytes.prefix(max(0, Int(count))))
  }
}
