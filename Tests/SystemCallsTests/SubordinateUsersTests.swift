import SystemCalls
import Testing

/// Source: subuid(5).
struct SubordinateUsersTests {
  @Test func owners() {
    let users = SubordinateUsers(
      "alice:100000:65536\n1002:165536:65536\n\nnobody-knows:300000:10\nbroken\nbob:x:1\nbob:400000:0\n"
    ) { $0 == "alice" ? 1001 : $0 == "bob" ? 1003 : nil }
    for (uid, owner): (UInt32, UInt32?) in [
      (1001, nil), (99_999, nil), (100_000, 1001), (165_535, 1001), (165_536, 1002), (231_071, 1002),
      (231_072, nil), (300_000, nil), (400_000, nil), (.max, nil),
    ] {
      #expect(users.owner(of: uid) == owner, "\(uid)")
    }
    let last = SubordinateUsers("7:4294967290:100\n")
    #expect(last.owner(of: .max) == 7 && last.owner(of: 4_294_967_289) == nil)
  }
}
