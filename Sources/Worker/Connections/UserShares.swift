internal import StrictJSON
internal import Synchronization
internal import SystemCalls
internal import WireProtocol

/// What the requests of each caller use, over all connections: how many are under way, how fast they come,
/// and what of their replies is not read.
public final class UserShares: Sendable {
  public struct Limits: Sendable {
    /// Requests under way.
    public var requests: Int
    /// Requests each second in the long run.
    public var perSecond: Int
    /// Requests at once, after a time without any.
    public var burst: Int
    /// Bytes of replies not read beyond which no request is begun; four times as many end the connection.
    public var unreadBytes = 32 << 20

    public init(requests: Int, perSecond: Int, burst: Int) {
      self.requests = requests
      self.perSecond = perSecond
      self.burst = burst
    }
  }

  private struct Share {
    var open = 0
    var unread = 0
    /// How many requests may come now, as of `time`.
    var tokens: Double
    var time: MonotonicTime
  }

  private let limits: Limits
  private let shares = Mutex<[Principal: Share]>([:])

  public init(_ limits: Limits) { self.limits = limits }

  /// Takes a request in; each that is let in must be given back with ``end(_:)``.
  ///
  /// - Returns: why it is not let in.
  func begin(_ who: Principal, now: MonotonicTime = .now) -> WireError? {
    shares.withLock { shares in
      if shares.count > 1024 { forgetIdle(&shares, now) }
      var share = refilled(shares[who], now)
      defer { shares[who] = share }
      if share.tokens < 1 {
        let seconds = ((1 - share.tokens) / Double(limits.perSecond)).rounded(.up)
        return .busy(
          "requestsPerSecond", "you send more than \(limits.perSecond) requests a second",
          Int64(max(1, seconds)))
      }
      share.tokens -= 1
      if share.open >= limits.requests {
        return .busy("requestsPerUser", "you have \(share.open) open requests, as many as one user may", 1)
      }
      if share.unread > limits.unreadBytes {
        return .busy("unreadBytes", "you do not read your replies: \(share.unread) bytes wait for you", 1)
      }
      share.open += 1
      return nil
    }
  }

  func end(_ who: Principal) { shares.withLock { $0[who]?.open -= 1 } }

  /// Counts bytes that wait for their clients, or that they have read.
  ///
  /// - Returns: whether that is more than any client may leave unread.
  func countUnread(_ who: Principal, _ change: Int) -> Bool {
    shares.withLock { shares in
      var share = refilled(shares[who], .now)
      share.unread += change
      shares[who] = share
      return share.unread > 4 * limits.unreadBytes
    }
  }

  private func refilled(_ share: Share?, _ now: MonotonicTime) -> Share {
    guard var share else { return Share(tokens: Double(limits.burst), time: now) }
    let seconds = Double(now.nanoseconds - share.time.nanoseconds) / 1e9
    share.tokens = min(Double(limits.burst), share.tokens + max(0, seconds) * Double(limits.perSecond))
    share.time = now
    return share
  }

  /// Whoever does nothing and could send as much as somebody new is somebody new.
  private func forgetIdle(_ shares: inout [Principal: Share], _ now: MonotonicTime) {
    shares = shares.filter { _, share in
      share.open > 0 || share.unread > 0 || refilled(share, now).tokens < Double(limits.burst)
    }
  }
}

extension WireError {
  /// A limit of the configuration is reached.
  static func busy(_ limit: String, _ message: String, _ retryAfter: Int64) -> WireError {
    WireError(
      .busy, category: .retry, message, details: JSONObject([("limit", .string(limit))]),
      retryAfter: retryAfter)
  }
}
