internal import FoundationEssentials

/// RFC 4648 base64.
func base64Encoded(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

/// Nil where the text is not base64.
func base64Decoded(_ text: String) -> [UInt8]? { Data(base64Encoded: text).map { [UInt8]($0) } }
