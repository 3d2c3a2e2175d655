import Testing

/// The table in docs/architecture.md is what the sources and the package do.
struct ImportTests {
  let table: ModuleTable

  init() throws { table = try ModuleTable() }

  @Test func theTableNamesEveryModuleOnce() throws {
    #expect(Set(table.rows.map(\.name)) == (try Checkout.folders(in: "Sources")))
    #expect(table.rows.count == Set(table.rows.map(\.name)).count)
  }

  @Test func importsPointDown() {
    for (index, row) in table.rows.enumerated() {
      let below = Set(table.rows[(index + 1)...].map(\.name))
      for module in row.modules {
        #expect(below.contains(module), "\(row.name) may import \(module), which does not stand below it")
      }
    }
  }

  @Test func thePackageSaysTheSame() throws {
    let manifest = try ManifestDependencies()
    #expect(Set(manifest.modules.keys) == Set(table.rows.map(\.name)))
    for row in table.rows {
      #expect(manifest.modules[row.name].map(Set.init) == Set(row.modules), "\(row.name) in Package.swift")
    }
  }

  @Test func everyImportIsInTheTable() throws {
    var count = 0
    for row in table.rows {
      let allowed = Set(row.modules + row.system + [row.name])
      for line in try ImportLine.all(of: row.name) {
        #expect(allowed.contains(line.module), "\(line)")
        count += 1
      }
    }
    // Fewer would mean that they were not found.
    #expect(count > 100)
  }

  @Test func noSystemModuleIsAllowedInVain() throws {
    for row in table.rows {
      let imported = Set(try ImportLine.all(of: row.name).map(\.module))
      #expect(Set(row.system).isSubset(of: imported), "\(row.name)")
    }
  }

  @Test func theWholeOfFoundationIsNowhere() throws {
    for row in table.rows {
      for line in try ImportLine.all(of: row.name) {
        let isWhole = line.module.hasPrefix("Foundation") && line.module != "FoundationEssentials"
        #expect(!isWhole, "\(line)")
      }
    }
  }

  /// Dispatch's own watch of descriptors is not safe on Linux (``WatchedDescriptor`` says why).
  @Test func noDispatchSourceWatchesADescriptor() throws {
    for file in try Checkout.files(in: "Sources", ending: ".swift") {
      let text = try Checkout.text(file)
      #expect(!text.contains("makeReadSource") && !text.contains("makeWriteSource"), "\(file)")
    }
  }

  @Test func eachCLibraryIsTheSecretOfOneModule() throws {
    let lines = try table.rows.flatMap { try ImportLine.all(of: $0.name) }
    let libraries = table.rows.filter(\.isC).map(\.name)
    #expect(libraries.count == 3)
    for library in libraries {
      let importing = lines.filter { $0.module == library }
      let modules = Set(importing.map { $0.file.split(separator: "/")[1] })
      #expect(modules.count == 1, "\(library) is imported by \(modules.sorted())")
      for line in importing { #expect(line.access == "internal", "\(line)") }
    }
  }
}
