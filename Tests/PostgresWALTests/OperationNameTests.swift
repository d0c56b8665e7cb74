import PostgresWAL
import TestFixtures
import Testing

@Suite("Operation names")
struct OperationNameTests {
    @Test func someNames() {
        #expect(ResourceManager.heap.operation(info: 0x80, version: .v17) == "INSERT+INIT")
        #expect(ResourceManager.heap.operation(info: 0x40, version: .v14) == "HOT_UPDATE")
        #expect(ResourceManager.btree.operation(info: 0x00, version: .v16) == "INSERT_LEAF")
        #expect(ResourceManager.xlog.operation(info: 0x10, version: .v15) == "CHECKPOINT_ONLINE")
        #expect(ResourceManager.heap2.operation(info: 0x10, version: .v16) == "PRUNE")
        #expect(ResourceManager.heap2.operation(info: 0x10, version: .v17) == "PRUNE_ON_ACCESS")
        #expect(ResourceManager.database.operation(info: 0x10, version: .v14) == "DROP")
        #expect(ResourceManager.database.operation(info: 0x10, version: .v15) == "CREATE_WAL_LOG")
        #expect(ResourceManager.generic.operation(info: 0x70, version: .v15) == "Generic")
    }

    @Test func unknownOnes() {
        for version in PostgresMajorVersion.allCases {
            #expect(ResourceManager.xlog.operation(info: 0xC0, version: version) == nil)
            for manager in UInt8(22)...255 {
                #expect(ResourceManager(rawValue: manager).operation(info: 0, version: version) == nil)
            }
        }
        #expect(ResourceManager.xlog.operation(info: 0xE0, version: .v16) == nil)
        #expect(ResourceManager.xlog.operation(info: 0xE0, version: .v17) == "CHECKPOINT_REDO")
    }

    @Test("The low four bits don't count", arguments: PostgresMajorVersion.allCases)
    func lowBits(version: PostgresMajorVersion) {
        for manager in ResourceManager.builtIn {
            for info in UInt8.min ... .max {
                #expect(
                    manager.operation(info: info, version: version)
                        == manager.operation(info: info & 0xF0, version: version)
                )
            }
        }
    }

    /// One record of every built-in resource manager and info, named by pg_waldump itself.
    ///
    /// Its statistics name operations without looking at a record's content, so empty records do.
    @Test("Every name is pg_waldump's", arguments: Waldump.versions)
    func everyName(version: PostgresMajorVersion) throws {
        let start = LSN(WALSegmentSize.standard.bytes)
        var generator = try WALGenerator(NoRecords(), version: version, systemIdentifier: 7, startingAt: start)
        var bytes: [UInt8] = []
        var expected: Set<String> = []
        for manager in ResourceManager.builtIn {
            for info in stride(from: UInt8(0), through: 0xF0, by: 0x10) {
                if manager == .xlog && info == 0x40 { continue }
                bytes += generator.append(WALRecordContents(resourceManager: manager, info: info)).bytes
                // The statistics take a transaction's optional flag away before they ask for the name.
                let asked = manager == .transaction ? info & 0x70 : info
                let name = manager.operation(info: info, version: version) ?? unknown(asked)
                expected.insert("\(manager.name)/\(name)")
            }
        }
        let end = generator.position
        bytes += generator.append(.segmentSwitch).bytes
        let folder = try TemporaryFolder()
        try folder.write(bytes, to: "000000010000000000000001")
        let dump = try Waldump.run(
            version,
            ["-p", folder.path, "-s", start.description, "-e", end.description, "--stats=record"]
        )
        #expect(dump.status == 0, "\(dump.errors)")
        // Names stand at the start of lines, filled with spaces; `UNKNOWN (c0)` has one inside.
        let found = dump.text.split(separator: "\n").compactMap { line -> String? in
            guard line.contains("/"), !line.hasPrefix("WAL statistics") else { return nil }
            let words = line.split(separator: " ", omittingEmptySubsequences: true)
            return words[0].hasSuffix("UNKNOWN") ? "\(words[0]) \(words[1])" : String(words[0])
        }
        #expect(Set(found) == expected)
        #expect(found.count > 130)
    }

    private func unknown(_ info: UInt8) -> String {
        "UNKNOWN (\(String(info, radix: 16)))"
    }
}
