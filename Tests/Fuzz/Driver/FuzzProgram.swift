import Glibc

/// The program that libFuzzer drives: one target, chosen by the environment.
enum FuzzProgram {
  /// The one that `STAGEKEEPER_FUZZ_TARGET` names.
  fileprivate static let target: FuzzTarget = {
    let name = getenv("STAGEKEEPER_FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
      fatalError("STAGEKEEPER_FUZZ_TARGET names none of \(FuzzTarget.all.map(\.name))")
    }
    return target
  }()

  fileprivate static func run(_ input: [UInt8]) {
    do {
      try target.runBlocking(input)
    } catch {
      fatalError("\(target.name): \(error)")
    }
  }
}

/// What libFuzzer calls with each input (llvm.org/docs/LibFuzzer.html). A trap is what it calls a crash.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  FuzzProgram.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}

/// libFuzzer's own `main`, as a function: SwiftPM renames the program's.
@_silgen_name("LLVMFuzzerRunDriver")
func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ testOneInput: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt
