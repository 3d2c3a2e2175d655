/// A connection to a service whose advertisement was read.
final class Conversation {
  let connection: any ServiceConnection
  let reader: PacketReader
  let advertisement: Advertisement
  let operation: String
  let limits: RemoteConfiguration.Limits

  init(
    _ connection: any ServiceConnection, operation: String, limits: RemoteConfiguration.Limits
  ) throws(GitRemoteError) {
    self.connection = connection
    self.operation = operation
    self.limits = limits
    reader = PacketReader(connection, operation: operation, limit: limits.advertisement)
    do throws(GitRemoteError) {
      advertisement = try Advertisement(reading: reader, operation: operation)
    } catch {
      connection.close()
      throw error
    }
  }

  /// All was said, and nobody needs to wait for the far side's end.
  private(set) var isSaid = false

  deinit { if !isSaid { connection.close() } }

  /// Leaves the connection to whom waits for the far side's end.
  func markSaid() { isSaid = true }

  static let agent = "agent=stagekeeper/1"

  /// Says that nothing is wanted, and ends.
  func endWithoutRequest() {
    try? connection.send([0x30, 0x30, 0x30, 0x30])
    markSaid()
  }
}
