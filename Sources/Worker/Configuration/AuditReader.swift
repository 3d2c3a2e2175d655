internal import AuditLog
internal import StrictJSON

extension AuditSettings {
  init(reading configuration: inout ObjectReader) throws(JSONShapeError) {
    self.init()
    guard var reader = try configuration.optionalObject("audit") else { return }
    func set(
      _ field: WritableKeyPath<AuditSettings, Int>, _ key: String, _ range: ClosedRange<Int64>
    ) throws(JSONShapeError) {
      if let value = try reader.optionalInteger(key, in: range) { self[keyPath: field] = Int(value) }
    }
    try set(\.fileBytes, "fileBytes", 4096...1_073_741_824)
    try set(\.fileSeconds, "fileSeconds", 60...31_536_000)
    try set(\.files, "files", 2...100_000)
    try set(\.denialSeconds, "denialSeconds", 1...3600)
    try reader.finish()
  }
}
