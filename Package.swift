// swift-tools-version: 6.2

import PackageDescription

/// Settings of every Swift target: what the compiler can check, it checks.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// A library target of this package. `docs/architecture.md` draws what may depend on what, and
/// `Tests/ArchitectureTests` holds the sources to it.
func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(
    name: name, dependencies: dependencies, swiftSettings: name == "Worker" ? strict + onCallersQueue : strict
  )
}

/// What no actor does is done where it is called from: the worker answers a brief request on the thread that read it.
let onCallersQueue: [SwiftSetting] = [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]

func executable(_ name: String, _ library: Target.Dependency) -> Target {
  .executableTarget(name: name, dependencies: [library], swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict)
}

let package = Package(
  name: "stagekeeper",
  products: [
    .library(name: "StagekeeperClient", targets: ["StagekeeperClient"]),
    .executable(name: "stagekeeperd", targets: ["stagekeeperd"]),
    .executable(name: "stagekeeper-lane", targets: ["stagekeeper-lane"]),
    .executable(name: "stagekeeper", targets: ["stagekeeper"]),
    .executable(name: "stagekeeper-admin", targets: ["stagekeeper-admin"]),
  ],
  targets: [
    .systemLibrary(name: "CLibgit2", pkgConfig: "libgit2", providers: [.apt(["libgit2-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CSystem"),

    module("StrictJSON"),
    module("Registry", ["StrictJSON"]),
    module("RegistryFiles", ["Registry", "StrictJSON"]),
    module("SystemCalls", ["CSystem"]),
    module("RemoteURLs"),
    module("WireProtocol", ["Registry", "StrictJSON"]),
    module("JobQueue", ["WireProtocol", "Registry", "StrictJSON", "SystemCalls"]),
    module("AuditLog", ["WireProtocol", "StrictJSON", "SystemCalls"]),
    module("GitRemote", ["CLibgit2", "RemoteURLs", "SystemCalls"]),
    module("TagSigning", ["COpenSSL", "SystemCalls"]),
    module("LaneProtocol", ["WireProtocol", "Registry", "StrictJSON"]),
    module(
      "Lane",
      [
        "GitRemote", "RemoteURLs", "TagSigning", "LaneProtocol", "RegistryFiles", "Registry", "StrictJSON",
        "SystemCalls", "WireProtocol",
      ]),
    module(
      "Worker",
      [
        "AuditLog", "JobQueue", "LaneProtocol", "RemoteURLs", "WireProtocol", "Registry", "RegistryFiles",
        "StrictJSON", "SystemCalls",
      ]),
    module("StagekeeperClient", ["WireProtocol", "Registry", "StrictJSON", "SystemCalls"]),
    module(
      "CommandLineTool", ["StagekeeperClient", "WireProtocol", "Registry", "StrictJSON", "SystemCalls"]),
    module(
      "AdminCommandLine",
      [
        "CommandLineTool", "StagekeeperClient", "AuditLog", "JobQueue", "WireProtocol", "StrictJSON",
        "SystemCalls",
      ]),

    executable("stagekeeperd", "Worker"),
    executable("stagekeeper-lane", "Lane"),
    executable("stagekeeper", "CommandLineTool"),
    executable("stagekeeper-admin", "AdminCommandLine"),

    .executableTarget(
      name: "client-example", dependencies: ["StagekeeperClient"], path: "Tests/ClientExample",
      swiftSettings: strict),
    .target(
      name: "TestSupport", dependencies: ["SystemCalls"], path: "Tests/TestSupport", swiftSettings: strict),
    tests("ArchitectureTests", ["Worker", "AuditLog", "SystemCalls", "TestSupport"]),
    tests("StrictJSONTests", ["StrictJSON", "TestSupport"]),
    tests(
      "RegistryTests", ["CommandLineTool", "Registry", "StrictJSON", "SystemCalls", "TestSupport"],
      exclude: ["gto_driver.py"]),
    tests("RegistryFilesTests", ["RegistryFiles", "Registry", "StrictJSON", "TestSupport"]),
    tests("SystemCallsTests", ["SystemCalls", "TestSupport"]),
    tests("WireProtocolTests", ["WireProtocol", "Registry", "StrictJSON"]),
    tests(
      "JobQueueTests", ["JobQueue", "WireProtocol", "Registry", "StrictJSON", "SystemCalls", "TestSupport"],
      exclude: ["Fixtures"]),
    tests(
      "AuditLogTests", ["AuditLog", "WireProtocol", "StrictJSON", "SystemCalls", "TestSupport"],
      exclude: ["Fixtures"]),
    tests("RemoteURLsTests", ["RemoteURLs"]),
    tests("GitRemoteTests", ["GitRemote", "RemoteURLs", "SystemCalls", "TestSupport"]),
    tests("TagSigningTests", ["TagSigning", "SystemCalls", "TestSupport"], exclude: ["Fixtures"]),
    tests(
      "LaneTests",
      [
        "Lane", "LaneProtocol", "GitRemote", "WireProtocol", "Registry", "StrictJSON", "SystemCalls",
        "TestSupport",
      ]),
    tests(
      "WorkerTests",
      [
        "Worker", "AuditLog", "JobQueue", "LaneProtocol", "WireProtocol", "Registry", "StrictJSON",
        "SystemCalls",
        "TestSupport",
      ]),
    tests(
      "CommandLineTests",
      ["CommandLineTool", "StagekeeperClient", "WireProtocol", "StrictJSON", "SystemCalls", "TestSupport"]),
    tests(
      "IntegrationTests",
      ["StagekeeperClient", "WireProtocol", "Registry", "StrictJSON", "SystemCalls", "TestSupport"]),
  ]
)

/// What the parsers' fuzz targets reach.
let fuzzed: [Target.Dependency] = [
  "AuditLog", "GitRemote", "JobQueue", "Lane", "LaneProtocol", "Registry", "RegistryFiles", "RemoteURLs",
  "StrictJSON", "SystemCalls", "TagSigning", "TestSupport", "WireProtocol", "Worker",
]

// `swift test` replays the corpora. `Tests/Fuzz/run.sh` builds the same targets as a program on libFuzzer, with
// a scratch path of its own; the tests are left out then, because they can't be built that way.
if Context.environment["STAGEKEEPER_FUZZ"] == nil {
  package.targets.append(
    .testTarget(
      name: "FuzzTests", dependencies: fuzzed, path: "Tests/Fuzz",
      exclude: ["Corpora", "Dictionaries", "Driver", "run.sh"], sources: ["Targets", "Replay"],
      swiftSettings: strict))
} else {
  package.targets.removeAll { $0.type == .test }
  package.targets.append(
    .executableTarget(
      name: "fuzzer", dependencies: fuzzed, path: "Tests/Fuzz",
      exclude: ["Corpora", "Dictionaries", "Replay", "run.sh"], sources: ["Targets", "Driver"],
      swiftSettings: strict))
}
