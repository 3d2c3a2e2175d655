import Synchronization
import SystemCalls
import Testing

struct UserNamesTests {
  /// Answers with a new name each time, and with none for uid 0.
  private final class Directory: Sendable {
    private let count = Mutex(0)
    var questions: Int { count.withLock { $0 } }

    func answer(_ uid: UInt32) -> String? {
      let number = count.withLock {
        $0 += 1
        return $0
      }
      return uid == 0 ? nil : "user-\(uid)-\(number)"
    }
  }

  private let directory = Directory()
  private let start = MonotonicTime(nanoseconds: 0)

  private var names: UserNames {
    UserNames(seconds: 10, longestSeconds: 60) { [directory] in directory.answer($0) }
  }

  @Test func aNameIsLookedUpAgainWhenItsTimeIsUp() {
    let names = names
    #expect(names.name(of: 7, now: start) == "user-7-1")
    #expect(names.name(of: 7, now: start.advanced(bySeconds: 9.9)) == "user-7-1")
    #expect(names.name(of: 7, now: start.advanced(bySeconds: 10)) == "user-7-2")
  }

  @Test func thatThereIsNoNameIsRememberedToo() {
    let names = names
    #expect(names.name(of: 0, now: start) == nil)
    #expect(names.name(of: 0, now: start) == nil)
    #expect(directory.questions == 1)
  }

  @Test func whatIsKnownIsToldWithoutALookUp() throws {
    let names = names
    #expect(names.known(7, now: start) == nil)
    _ = (names.name(of: 7, now: start), names.name(of: 0, now: start))
    #expect(try #require(names.known(7, now: start)) == ("user-7-1", false))
    #expect(try #require(names.known(0, now: start)) == (nil, false))
    #expect(directory.questions == 2)
  }

  /// A directory server that hangs keeps nobody waiting whose name is known.
  @Test func anOldNameIsToldWhileItIsLookedUpAgain() throws {
    let names = names
    _ = names.name(of: 7, now: start)
    let later = start.advanced(bySeconds: 59.9)
    #expect(try #require(names.known(7, now: later)) == ("user-7-1", true))
    // One of those who ask looks it up.
    #expect(try #require(names.known(7, now: later)) == ("user-7-1", false))
    #expect(names.name(of: 7, now: later) == "user-7-2")
    #expect(try #require(names.known(7, now: later)) == ("user-7-2", false))
    #expect(try #require(names.known(7, now: later.advanced(bySeconds: 10))) == ("user-7-2", true))
    #expect(names.known(7, now: later.advanced(bySeconds: 60)) == nil)
    #expect(directory.questions == 2)
  }

  @Test func nobodyFillsTheMemory() {
    let names = names
    for uid in 1...5000 { _ = names.name(of: UInt32(uid), now: start) }
    #expect(directory.questions == 5000)
    #expect(names.name(of: 5000, now: start) == "user-5000-5000")
    #expect(names.name(of: 1, now: start) == "user-1-5001")
  }
}
