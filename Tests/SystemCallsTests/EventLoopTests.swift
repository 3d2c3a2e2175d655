import Dispatch
import Synchronization
import SystemCalls
import TestSupport
import Testing

struct EventLoopTests {
  private let loop = EventLoop(label: "test")

  /// An actor on a loop that notes what happens.
  private actor Diary {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private(set) var entries: [Int] = []
    private var waiter: CheckedContinuation<Void, Never>?

    init(_ loop: EventLoop) { self.loop = loop }

    func write(_ entry: Int) { entries.append(entry) }

    /// Waits until somebody calls ``wake()``; says whether it ran on its loop all the time.
    func wait() async -> Bool {
      await withCheckedContinuation { waiter = $0 }
      loop.checkIsolated()
      return true
    }

    func wake() -> Bool {
      defer { waiter = nil }
      waiter?.resume()
      return waiter != nil
    }
  }

  private static var threads: Int {
    (try? Files.names(in: "/proc/self/task").filter { name in
      (try? Files.read("/proc/self/task/\(name)/comm", limit: 64)).map {
        String(decoding: $0, as: UTF8.self) == "short-lived\n"
      } ?? false
    }.count) ?? 0
  }

  @Test("work of many threads is done one after the other, that of each in its order")
  func order() {
    let done = Mutex<[Int: [Int]]>([:])
    let isBusy = Mutex(false)
    DispatchQueue.concurrentPerform(iterations: 8) { thread in
      for number in 0..<2_000 {
        loop.async {
          #expect(!isBusy.withLock { $0 })
          isBusy.withLock { $0 = true }
          done.withLock { $0[thread, default: []].append(number) }
          isBusy.withLock { $0 = false }
        }
      }
    }
    loop.sync {}
    #expect(done.withLock { $0 } == Dictionary(uniqueKeysWithValues: (0..<8).map { ($0, Array(0..<2_000)) }))
  }

  @Test("what a piece of work gives to do is done after what was there")
  func nested() {
    let done = Mutex<[Int]>([])
    let all = DispatchSemaphore(value: 0)
    loop.async { [loop] in
      loop.async {
        done.withLock { $0.append(2) }
        loop.async {
          done.withLock { $0.append(3) }
          all.signal()
        }
      }
      done.withLock { $0.append(1) }
    }
    #expect(all.wait(timeout: .now() + 60) == .success)
    #expect(done.withLock { $0 } == [1, 2, 3])
  }

  @Test(
    "timers ring in the order of their times, those of equal times in that in which they were set, none too early"
  )
  func timers() {
    let rung = Mutex<[Int]>([])
    let all = DispatchSemaphore(value: 0)
    let begin = MonotonicTime.now
    let times = [30, 10, 20, 10, 0, 30].map { begin.advanced(bySeconds: Double($0) / 1000) }
    loop.sync { [loop] in
      for (number, time) in times.enumerated() {
        loop.async(at: time) {
          #expect(time.hasPassed)
          rung.withLock { $0.append(number) }
          if number == 5 { all.signal() }
        }
      }
    }
    #expect(all.wait(timeout: .now() + 60) == .success)
    #expect(rung.withLock { $0 } == [4, 1, 3, 2, 0, 5])
  }

  @Test("a timer is kept whatever else there is to do, and so is a descriptor")
  func busy() throws {
    let pair = try FileDescriptor.socketPair()
    try pair.first.setNonBlocking(true)
    let near = WatchedDescriptor(pair.first)
    let isOver = Mutex(false)
    let told = DispatchSemaphore(value: 0)
    try near.watch(for: .readable, on: loop) { [weak near] _ in
      near?.stop()
      told.signal()
    }
    /// Gives itself to do again and again.
    @Sendable func goOn() {
      if !isOver.withLock({ $0 }) { loop.async { goOn() } }
    }
    loop.async { goOn() }
    loop.async(at: .after(seconds: 0.01)) { told.signal() }
    #expect(told.wait(timeout: .now() + 60) == .success)
    try pair.second.writeAll([1])
    #expect(told.wait(timeout: .now() + 60) == .success)
    isOver.withLock { $0 = true }
  }

  @Test("an actor runs there, also after it has waited, and a task that prefers the loop goes nowhere else")
  func actors() async throws {
    let diary = Diary(loop)
    for number in 0..<100 { await diary.write(number) }
    #expect(await diary.entries == Array(0..<100))
    for executor in [loop.taskExecutor, nil] {
      let task = Task(executorPreference: executor) { [loop] in
        if executor != nil { loop.checkIsolated() }
        let isThere = await diary.wait()
        if executor != nil { loop.checkIsolated() }
        return isThere
      }
      while await !diary.wake() { await Task.yield() }
      #expect(await task.value)
    }
  }

  @Test("results and errors come back to who waits for them")
  func sync() {
    #expect(loop.sync { 7 } == 7)
    #expect(throws: SystemCallError(.inputOutput, "test")) {
      try loop.sync { () throws(SystemCallError) in throw SystemCallError(.inputOutput, "test") }
    }
  }

  @Test("the thread ends when nobody holds the loop any more, after the last work")
  func end() throws {
    let done = Mutex(0)
    for _ in 0..<50 {
      let loop = EventLoop(label: "short-lived")
      for _ in 0..<10 { loop.async { done.withLock { $0 += 1 } } }
    }
    try Eventually.holds("all work is done and every thread has ended") {
      done.withLock { $0 } == 500 && Self.threads == 0
    }
  }
}
