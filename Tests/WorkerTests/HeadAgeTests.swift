import Testing

@testable import Worker

/// When the remote's HEAD is looked at again.
struct HeadAgeTests {
  @Test(
    "what is planned at the tip bears a second, everything else a minute",
    arguments: [
      (nil, true, true), (nil, false, true), (100_000, true, false), (99_000, true, false),
      (98_999, true, true), (98_999, false, false), (40_000, false, false), (39_999, false, true),
      // The clock was set back.
      (100_001, false, true),
    ] as [(Int64?, Bool, Bool)])
  func age(_ contactedAt: Int64?, _ restsOnTip: Bool, _ isOver: Bool) {
    #expect(HeadAge.isOver(contactedAt, now: 100_000, restsOnTip: restsOnTip) == isOver)
  }
}
