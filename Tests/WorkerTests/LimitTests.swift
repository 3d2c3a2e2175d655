import StrictJSON
import SystemCalls
import Testing
import WireProtocol

@testable import Worker

/// How requests and descriptors are shared out, without a worker.
struct LimitTests {
  private func limit(_ error: WireError?) -> String? { error?.details?["limit"]?.stringValue }

  private func user(_ uid: UInt32) -> Principal { Principal(uid: uid) }

  @Test("a uid sends its burst at once, then as many a second as it may; others are not concerned")
  func rate() {
    let shares = UserShares(UserShares.Limits(requests: 100, perSecond: 2, burst: 3))
    let start = MonotonicTime.now
    func begin(_ uid: UInt32, _ seconds: Double) -> WireError? {
      let error = shares.begin(user(uid), now: start.advanced(bySeconds: seconds))
      if error == nil { shares.end(user(uid)) }
      return error
    }
    for _ in 0..<3 { #expect(begin(1, 0) == nil) }
    let refused = begin(1, 0)
    #expect(limit(refused) == "requestsPerSecond" && refused?.retryAfter == 1)
    #expect(begin(2, 0) == nil)
    #expect(begin(1, 0.6) == nil)
    #expect(begin(1, 0.6) != nil)
    // However long it waits, it has one burst.
    for _ in 0..<3 { #expect(begin(1, 1000) == nil) }
    #expect(begin(1, 1000) != nil)
  }

  @Test("requests under way, and replies that are not read")
  func open() {
    let shares = UserShares(UserShares.Limits(requests: 2, perSecond: 1000, burst: 1000))
    #expect(shares.begin(user(1)) == nil && shares.begin(user(1)) == nil)
    #expect(limit(shares.begin(user(1))) == "requestsPerUser")
    shares.end(user(1))
    #expect(!shares.countUnread(user(1), 33 << 20))
    #expect(limit(shares.begin(user(1))) == "unreadBytes")
    #expect(shares.countUnread(user(1), 96 << 20))
    #expect(!shares.countUnread(user(1), -(128 << 20)))
    #expect(shares.begin(user(1)) == nil)
  }

  @Test("whoever is forgotten is somebody who could send as much as anybody new")
  func forgetting() {
    let shares = UserShares(UserShares.Limits(requests: 1, perSecond: 1, burst: 2))
    let start = MonotonicTime.now
    #expect(shares.begin(user(1), now: start) == nil)
    for uid in 2..<4000 {
      #expect(shares.begin(user(UInt32(uid)), now: start) == nil)
      shares.end(user(UInt32(uid)))
    }
    #expect(limit(shares.begin(user(1), now: start)) == "requestsPerUser")
    #expect(limit(shares.begin(user(1), now: start)) == "requestsPerSecond")
  }

  @Test("descriptors: never more than there are, something for everybody, nothing where there are too few")
  func descriptors() throws {
    let limits = Limits()
    for count in 1...5000 {
      guard let budget = DescriptorBudget(descriptors: count, limits: limits) else {
        #expect(count < 100, "\(count)")
        continue
      }
      let used =
        DescriptorBudget.base + budget.admins + budget.lanes * DescriptorBudget.perLane + budget.clients
      #expect(used <= count && budget.clients >= 8 && budget.lanes >= 1 && budget.admins >= 8, "\(count)")
    }
    let full = try #require(DescriptorBudget(descriptors: 1 << 20, limits: limits))
    #expect(full.clients == limits.connections && full.lanes == limits.lanes)
  }
}
