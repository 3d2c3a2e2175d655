// Requests, replies and errors are part of this library's interface: `import StagekeeperClient` is enough.
@_exported public import StrictJSON
@_exported public import WireProtocol
