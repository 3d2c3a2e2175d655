internal import Glibc

/// Runs a program to its end, with bounds on its time and on what it says.
public enum BoundedRun {
  public enum Reason: Sendable, Equatable {
    case exited(ChildExit)
    case timeout
    case outputTooLong
  }

  public struct End: Sendable {
    public let reason: Reason
    /// What it wrote to its standard output.
    public let output: SecretBytes
    /// The first 16 KiB that it wrote to its standard error.
    public let errorText: [UInt8]
  }

  private static let errorLimit = 16 << 10

  /// Starts the program, gives it its input, and waits. One that is not over at the deadline, or says too much, is
  /// killed with what it started.
  ///
  /// - Parameters:
  ///   - input: at most 60 KiB: what a pipe holds.
  ///   - outputLimit: in bytes.
  public static func run(
    _ command: ChildCommand, input: SecretBytes, outputLimit: Int, until deadline: MonotonicTime
  ) throws(SystemCallError) -> End {
    let output = try FileDescriptor.pipe()
    let errors = try FileDescriptor.pipe()
    let child = try start(command, input, output.second.rawValue, errors.second.rawValue)
    var run = Conversation(
      child: child, output: output.takeFirst(), errors: errors.takeFirst(), deadline: deadline)
    var result: Result<Reason, SystemCallError> = .success(.outputTooLong)
    let bytes = SecretBytes(capacity: outputLimit) { memory in
      result = run.listen(into: memory)
      return run.count
    }
    return End(reason: try result.get(), output: bytes, errorText: run.errorText)
  }

  /// The input fits into the pipe, so that nobody has to wait for the program to read it.
  private static func start(
    _ command: ChildCommand, _ input: SecretBytes, _ output: Int32, _ errors: Int32
  ) throws(SystemCallError) -> ChildProcess {
    let pipe = try FileDescriptor.pipe()
    try pipe.second.setNonBlocking(true)
    let written = input.withUnsafeBytes { bytes in
      Result { () throws(SystemCallError) in try pipe.second.write(bytes) }
    }
    if try written.get() < input.count { throw SystemCallError(.fileTooLarge, "write its input") }
    return try ChildProcess.spawn(command, descriptors: [pipe.first.rawValue, output, errors])
  }

  /// Reads what the program says until it has ended.
  private struct Conversation: ~Copyable {
    let child: ChildProcess
    let output: FileDescriptor
    let errors: FileDescriptor
    let deadline: MonotonicTime
    var count = 0
    var errorText: [UInt8] = []
    private var isOutputOpen = true
    private var isErrorOpen = true
    private var exit: ChildExit?

    init(
      child: ChildProcess, output: consuming FileDescriptor, errors: consuming FileDescriptor,
      deadline: MonotonicTime
    ) {
      self.child = child
      self.output = output
      self.errors = errors
      self.deadline = deadline
    }

    mutating func listen(into memory: UnsafeMutableRawBufferPointer) -> Result<Reason, SystemCallError> {
      do throws(SystemCallError) {
        let reason = try talk(memory)
        if exit == nil { child.killTree() }
        return .success(reason)
      } catch {
        if exit == nil { child.killTree() }
        return .failure(error)
      }
    }

    private mutating func talk(_ memory: UnsafeMutableRawBufferPointer) throws(SystemCallError) -> Reason {
      while true {
        // Something that it left behind may hold the pipes open: its own end counts.
        if exit == nil { exit = try child.poll() }
        let isOver = exit != nil
        let heard = try listen(memory, until: isOver ? .now : min(deadline, .after(seconds: 0.02)))
        if count == memory.count, isOutputOpen, try hasMore() { return .outputTooLong }
        if let exit, !heard || deadline.hasPassed { return .exited(exit) }
        if deadline.hasPassed { return .timeout }
      }
    }

    /// - Returns: whether there was something to read.
    private mutating func listen(
      _ memory: UnsafeMutableRawBufferPointer, until deadline: MonotonicTime
    ) throws(SystemCallError) -> Bool {
      let hasRoom = count < memory.count
      var entries = [
        Poll.Entry(isOutputOpen && hasRoom ? output.rawValue : -1, read: true),
        Poll.Entry(isErrorOpen ? errors.rawValue : -1, read: true),
      ]
      guard try Poll.wait(&entries, until: deadline) else { return false }
      if entries[0].isReadable {
        let got = try output.read(into: UnsafeMutableRawBufferPointer(rebasing: memory[count...]))
        count += got
        if got == 0 { isOutputOpen = false }
      }
      if entries[1].isReadable {
        let part = try errors.read(upTo: 4096)
        if part.isEmpty { isErrorOpen = false }
        errorText += part.prefix(max(0, BoundedRun.errorLimit - errorText.count))
      }
      return true
    }

    private func hasMore() throws(SystemCallError) -> Bool {
      var entries = [Poll.Entry(output.rawValue, read: true)]
      guard try Poll.wait(&entries, until: .now) else { return false }
      return try !output.read(upTo: 1).isEmpty
    }
  }
}
