import Dispatch
import Synchronization
import SystemCalls
import TestSupport
import Testing

/// On a Dispatch queue, which is told by a thread of its own, and on a loop that watches itself.
@Suite(.serialized) struct WatchedDescriptorTests {
  /// What was told, and when more comes.
  private final class Told: Sendable {
    private let calls = Mutex<[Readiness]>([])
    var all: [Readiness] { calls.withLock { $0 } }
    func add(_ readiness: Readiness) { calls.withLock { $0.append(readiness) } }
  }

  enum Kind: CaseIterable, Sendable {
    case dispatch, loop

    func queue(_ label: String = "test") -> any SerialQueue {
      switch self {
      case .dispatch: DispatchQueueExecutor(label: label)
      case .loop: EventLoop(label: label)
      }
    }
  }

  private static func pair() throws -> (near: WatchedDescriptor, far: WatchedDescriptor) {
    let pair = try FileDescriptor.socketPair()
    try pair.first.setNonBlocking(true)
    try pair.second.setNonBlocking(true)
    return (WatchedDescriptor(pair.first), WatchedDescriptor(pair.second))
  }

  /// Waits for whatever the kernel told before.
  private func settle(_ queue: any SerialQueue) throws {
    let (near, far) = try Self.pair()
    let done = DispatchSemaphore(value: 0)
    let isLoop = queue is EventLoop
    // The same thread tells of both, or one that tells the queue.
    try near.watch(for: .readable, on: isLoop ? queue : DispatchQueueExecutor(label: "other")) {
      [weak near] _ in
      near?.stop()
      done.signal()
    }
    try far.descriptor.writeAll([1])
    #expect(done.wait(timeout: .now() + 60) == .success)
    queue.sync {}
  }

  @Test(
    "told for as long as there is something to read, and as often as bytes come", arguments: Kind.allCases)
  func reading(kind: Kind) throws {
    let queue = kind.queue()
    let (near, far) = try Self.pair()
    let got = Mutex<[UInt8]>([])
    try near.watch(for: .readable, on: queue) { [weak near] readiness in
      #expect(readiness == .readable)
      // One byte at a time: the rest is told again.
      let bytes = (try? near?.descriptor.read(upTo: 1)) ?? []
      got.withLock { $0 += bytes }
    }
    for round in 1...3 {
      try far.descriptor.writeAll([1, 2, 3])
      try Eventually.holds("all bytes") { got.withLock { $0.count } == round * 3 }
    }
  }

  @Test(
    "what is of no interest is not told, not even a hang-up, and is told once it is", arguments: Kind.allCases
  )
  func interest(kind: Kind) throws {
    let queue = kind.queue()
    let (near, far) = try Self.pair()
    let told = Told()
    try near.watch(for: [], on: queue) { told.add($0) }
    try far.descriptor.writeAll([1])
    try settle(queue)
    #expect(told.all == [])
    near.setInterest(.writable)
    try Eventually.holds("room") { told.all.contains(.writable) }
    near.setInterest([])
    far.descriptor.shutDownSending()
    queue.sync {}
    let before = told.all.count
    try settle(queue)
    #expect(told.all.count == before)
    #expect(told.all.allSatisfy { $0 == .writable })
    near.setInterest(.readable)
    try Eventually.holds("something to read") { told.all.last == .readable }
  }

  @Test("nothing is told after the end, whoever gets the descriptor's number next", arguments: Kind.allCases)
  func ending(kind: Kind) throws {
    let queue = kind.queue()
    var (near, far) = try Self.pair()
    let told = Told()
    try near.watch(for: .readable, on: queue) { told.add($0) }
    let number = near.descriptor.rawValue
    try queue.sync { [near, far] in
      // Told by the kernel, not yet to the handler.
      try far.descriptor.writeAll([1])
      try Eventually.holds("the kernel told") { try near.descriptor.wait(for: .readable, until: nil) }
      near.stop()
    }
    try settle(queue)
    #expect(told.all == [])
    // The same number, watched anew.
    (near, far) = try Self.pair()
    let next = Told()
    try near.watch(for: .readable, on: queue) { next.add($0) }
    try far.descriptor.writeAll([1])
    try Eventually.holds("the next is told (\(number), now \(near.descriptor.rawValue))") {
      !next.all.isEmpty
    }
    #expect(told.all == [])
  }

  @Test("what nobody holds any more is closed", arguments: Kind.allCases)
  func release(kind: Kind) throws {
    let queue = kind.queue()
    var (near, far): (WatchedDescriptor?, WatchedDescriptor) = try Self.pair()
    try near?.watch(for: .readable, on: queue) { _ in }
    near = nil
    #expect(try far.descriptor.wait(for: .readable, until: .after(seconds: 60)))
    #expect(try far.descriptor.read(upTo: 1) == [])
  }

  @Test("a regular file can't be watched, and that is said", arguments: Kind.allCases)
  func files(kind: Kind) throws {
    let queue = kind.queue()
    let directory = try TemporaryDirectory()
    let file = WatchedDescriptor(try Files.open(try directory.write("file", "x"), flags: 0))
    #expect(throws: SystemCallError(Errno(rawValue: 1), "epoll_ctl")) {
      try file.watch(for: .readable, on: queue) { _ in }
    }
  }

  @Test(
    "hang-ups from many threads at once: each is told to the one whom it concerns", arguments: Kind.allCases)
  func hangUps(kind: Kind) throws {
    let rounds = 3_000
    let told = Mutex(0)
    DispatchQueue.concurrentPerform(iterations: 8) { thread in
      let queue = kind.queue("thread \(thread)")
      for _ in 0..<rounds {
        guard (try? isTold(on: queue)) == true else { return }
        told.withLock { $0 += 1 }
      }
    }
    #expect(told.withLock { $0 } == 8 * rounds)
  }

  /// Whether a hang-up is told.
  private func isTold(on queue: any SerialQueue) throws -> Bool {
    let pair = try FileDescriptor.socketPair()
    let near = WatchedDescriptor(pair.first)
    let far = pair.second
    let done = DispatchSemaphore(value: 0)
    try near.watch(for: .readable, on: queue) { [weak near] _ in
      near?.stop()
      done.signal()
    }
    try far.close()
    return done.wait(timeout: .now() + 60) == .success
  }
}
