import SystemCalls
import TestSupport
import Testing

/// What the built programs need at run time, as the dynamic linker sees it (ldd(1)).
struct LinkageTests {
  private func libraries(of product: String) throws -> String {
    try Program.check("ldd", [try Checkout.product(product)])
  }

  @Test(arguments: ["stagekeeper", "stagekeeper-admin", "stagekeeperd"])
  func lightProgramsLinkNoCLibrary(_ product: String) throws {
    let libraries = try libraries(of: product)
    #expect(libraries.contains("libc.so"))
    for unwanted in [
      "libgit2", "libssl", "libcrypto", "libFoundation.so", "libFoundationInternationalization",
      "_FoundationICU",
    ] {
      #expect(!libraries.contains(unwanted), "\(product) links \(unwanted)")
    }
  }

  /// So that the names above are those that a program would show.
  @Test func theLaneLinksThem() throws {
    let libraries = try libraries(of: "stagekeeper-lane")
    for wanted in ["libgit2", "libcrypto"] { #expect(libraries.contains(wanted)) }
  }
}
