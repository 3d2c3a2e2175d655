/// The version of the worker, the client library and the command lines, which are released together.
public let stagekeeperVersion = "0.1.0"
