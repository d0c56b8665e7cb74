import Foundation
import Ingest
import PostgresWAL
package import ShardIdentity

/// The relation files of a stopped server's data directory.
package struct DataDirectory {
    /// Where it is.
    package let path: String
    /// Bytes of each fork.
    package private(set) var sizes: [RelationTag: Int] = [:]

    package init(_ path: String) throws {
        self.path = path
        try add("global", DatabaseLocator(tablespace: TablespaceOID.global, database: 0))
        for name in try FileManager.default.contentsOfDirectory(atPath: "\(path)/base") {
            guard let database = UInt32(name) else { continue }
            try add("base/\(name)", DatabaseLocator(tablespace: TablespaceOID.standard, database: database))
        }
    }

    private mutating func add(_ folder: String, _ database: DatabaseLocator) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(folder)") {
            let parts = name.split(separator: ".")[0].split(separator: "_")
            guard let number = UInt32(parts[0]), parts.count <= 2 else { continue }
            let forks = ["fsm": ForkNumber.freeSpaceMap, "vm": ForkNumber.visibilityMap]
            let fork = parts.count == 1 ? ForkNumber.main : forks[String(parts[1])] ?? ForkNumber.initialization
            let locator = RelationLocator(
                tablespace: database.tablespace,
                database: database.database,
                relation: number
            )
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(path)/\(folder)/\(name)")
            sizes[RelationTag(locator: locator, fork: fork), default: 0] += attributes[.size] as? Int ?? 0
        }
    }

    /// The relations with a fork for starting over after a crash: those are not logged.
    package var unlogged: Set<RelationLocator> {
        Set(sizes.keys.filter { $0.fork == ForkNumber.initialization }.map(\.locator))
    }

    /// The bytes of a fork of at most a gigabyte.
    package func content(of relation: RelationTag) throws -> [UInt8] {
        let locator = relation.locator
        let folder = locator.tablespace == TablespaceOID.global ? "global" : "base/\(locator.database)"
        let suffix = ["", "_fsm", "_vm", "_init"][Int(relation.fork)]
        return try fileContent("\(path)/\(folder)/\(locator.relation)\(suffix)")
    }

    /// The segments of an SLRU, by number.
    package func segments(of kind: SLRUKind) throws -> [UInt32: [UInt8]] {
        var segments: [UInt32: [UInt8]] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(kind.directory)") {
            guard let number = UInt32(name, radix: 16) else { continue }
            segments[number] = try fileContent("\(path)/\(kind.directory)/\(name)")
        }
        return segments
    }
}

/// The bytes of a file.
package func fileContent(_ path: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
}
