internal import SystemCalls

/// Tells systemd how the service is (sd_notify(3)): a datagram to the socket in `NOTIFY_SOCKET`.
enum ServiceNotification {
  static func ready(_ status: String) { send("READY=1\nSTATUS=\(status)") }
  static func stopping() { send("STOPPING=1") }

  /// Nothing happens where nobody listens: the notification is a courtesy.
  private static func send(_ message: String) {
    guard let path = ThisProcess.environment("NOTIFY_SOCKET") else { return }
    try? UnixSocket.sendDatagram(message.utf8, to: path)
  }
}
