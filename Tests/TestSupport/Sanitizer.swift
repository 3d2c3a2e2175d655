/// Whether tests and programs are built for a sanitizer (`Tests/run.sh --sanitize`). It takes terabytes of address
/// space and a multiple of the memory, and locks no pages.
public enum Sanitizer {
  #if SANITIZER
    public static let isOn = true
  #else
    public static let isOn = false
  #endif
}
