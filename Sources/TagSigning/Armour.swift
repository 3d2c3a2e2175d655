/// The lines around Base64: `-----BEGIN LABEL-----` and `-----END LABEL-----`.
struct Armour {
  private let begin: [UInt8]
  private let end: [UInt8]

  init(label: String) {
    begin = Array("-----BEGIN \(label)-----\n".utf8)
    end = Array("\n-----END \(label)-----".utf8)
  }

  /// What stands between the first line, which has to begin the text, and the first end line. Text after the
  /// end line is ignored, as OpenSSH does it (`sshsig_dearmor`).
  func body<Text: RandomAccessCollection<UInt8>>(in text: Text) -> Text.SubSequence? where Text.Index == Int {
    guard text.starts(with: begin) else { return nil }
    let body = text.dropFirst(begin.count - 1)
    var position = body.startIndex
    while let newline = body[position...].firstIndex(of: UInt8(ascii: "\n")) {
      if body[newline...].starts(with: end) { return body[..<newline] }
      position = newline + 1
    }
    return nil
  }

  func wrap(_ bytes: [UInt8], lineLength: Int) -> [UInt8] {
    begin + Base64.encode(bytes, lineLength: lineLength) + end.dropFirst() + [UInt8(ascii: "\n")]
  }
}
