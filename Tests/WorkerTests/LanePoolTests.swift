import Testing

@testable import Worker

struct LanePoolTests {
  /// Notes what happened, in order.
  private actor Diary {
    private(set) var lines: [String] = []
    func note(_ line: String) { lines.append(line) }

    /// Waits until there are that many lines.
    func wait(for count: Int) async { while lines.count < count { await Task.yield() } }
  }

  @Test("places are given out in the order of arrival")
  func order() async {
    let pool = LanePool(limit: 1)
    let diary = Diary()
    await pool.enter()
    var tasks: [Task<Void, Never>] = []
    for number in 1...3 {
      tasks.append(
        Task {
          await diary.note("asked")
          await pool.enter()
          await diary.note("got \(number)")
        })
      // The next one asks only when this one stands in line.
      await diary.wait(for: number)
      for _ in 0..<100 { await Task.yield() }
    }
    for number in 1...3 {
      await pool.leave()
      await diary.wait(for: 3 + number)
    }
    for task in tasks { await task.value }
    #expect(await diary.lines == ["asked", "asked", "asked", "got 1", "got 2", "got 3"])
    await pool.leave()
    await pool.enter()
  }

  @Test("the lane that has been idle longest gives its place up, once, when somebody needs one")
  func idle() async {
    let pool = LanePool(limit: 2)
    let diary = Diary()
    await pool.enter()
    await pool.enter()
    for name in ["old", "busy", "new"] {
      await pool.noteIdle(name) {
        await diary.note("end \(name)")
        await pool.leave()
      }
    }
    await pool.noteBusy("old")
    await pool.noteBusy("busy")
    await pool.noteIdle("old") {
      await diary.note("end old")
      await pool.leave()
    }
    await pool.enter()
    #expect(await diary.lines == ["end new"])
    await pool.enter()
    #expect(await diary.lines == ["end new", "end old"])
  }

  @Test("a lane that becomes idle while others wait gives its place up at once")
  func idleWhileOthersWait() async {
    let pool = LanePool(limit: 1)
    await pool.enter()
    async let second: Void = pool.enter()
    await pool.noteIdle("first") { await pool.leave() }
    await second
  }
}
