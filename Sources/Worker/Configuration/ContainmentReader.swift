internal import LaneProtocol
internal import StrictJSON

extension LaneConfiguration.Containment {
  init(reading reader: ObjectReader?) throws(JSONShapeError) {
    self.init()
    guard var reader else { return }
    landlock = try reader.optionalChoice("landlock", Landlock.self) ?? landlock
    read = try reader.absolutePaths("read") ?? []
    write = try reader.absolutePaths("write") ?? []
    memoryBytes = Int(try reader.optionalInteger("memoryBytes", in: 1 << 28...1 << 46) ?? Int64(memoryBytes))
    fileBytes = Int(try reader.optionalInteger("fileBytes", in: 1 << 20...1 << 46) ?? Int64(fileBytes))
    openFiles = Int(try reader.optionalInteger("openFiles", in: 64...1_048_576) ?? Int64(openFiles))
    reportBytes = Int(try reader.optionalInteger("reportBytes", in: 1 << 20...1 << 46) ?? Int64(reportBytes))
    try reader.finish()
  }
}
