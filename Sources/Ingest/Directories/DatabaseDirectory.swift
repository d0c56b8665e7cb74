internal import InterpretedWAL

/// A database's files in one tablespace.
public struct DatabaseLocator: Hashable, Sendable, Comparable {
    /// The tablespace OID.
    public var tablespace: UInt32
    /// The database OID; 0 for shared catalogs.
    public var database: UInt32

    /// Names a database's files.
    public init(tablespace: UInt32, database: UInt32) {
        self.tablespace = tablespace
        self.database = database
    }

    /// Orders by tablespace, then by database.
    public static func < (lhs: Self, rhs: Self) -> Bool {
        (lhs.tablespace, lhs.database) < (rhs.tablespace, rhs.database)
    }
}

extension DatabaseLocator: CustomStringConvertible {
    /// The two numbers, as in `1663/5`.
    public var description: String { "\(tablespace)/\(database)" }
}

/// All databases, and of each whether its relation map is known; without it only relations are.
///
/// Source: `ingest.md` §3.4 (DbDirectory).
struct DatabaseDirectory: Hashable {
    var hasRelationMap: [DatabaseLocator: Bool] = [:]

    /// Sorted, so that equal directories have equal bytes.
    func encoded() -> [UInt8] {
        var buffer = OutputBuffer(minimumCapacity: 8 + 9 * hasRelationMap.count)
        buffer.append(bigEndian: UInt64(hasRelationMap.count))
        for (locator, flag) in hasRelationMap.sorted(by: { $0.key < $1.key }) {
            buffer.append(bigEndian: locator.tablespace)
            buffer.append(bigEndian: locator.database)
            buffer.append(flag ? 1 : 0)
        }
        return buffer.array
    }

    init() {}

    init(decoding bytes: [UInt8]) throws(BincodeError) {
        var reader = BincodeReader(bytes.span.bytes)
        for _ in 0..<(try reader.readElementCount(size: 9)) {
            let locator = DatabaseLocator(tablespace: try reader.read(), database: try reader.read())
            hasRelationMap[locator] = try reader.readBool()
        }
        try reader.finish()
    }
}

extension BincodeReader {
    /// Reads the count of a sequence whose elements have a fixed size, checked against what is left.
    mutating func readElementCount(size: Int) throws(BincodeError) -> Int {
        let start = offset
        let count: UInt64 = try read()
        let maximum = remaining / size
        guard count <= UInt64(maximum) else {
            throw .sequenceTooLong(offset: start, count: count, maximum: maximum)
        }
        return Int(count)
    }
}
