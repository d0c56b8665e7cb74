package import PostgresWAL

extension WALDump {
    /// What the tool says of one record.
    package struct Record: Sendable, Hashable {
        /// The resource manager, by its name: `Heap2`.
        package var resourceManager: String
        /// The length without full-page images.
        package var recordLength: Int
        /// The length with everything, as in the record's header.
        package var totalLength: Int
        package var transactionID: UInt32
        /// Where it starts.
        package var lsn: LSN
        /// Where the one before starts.
        package var previous: LSN
        /// What it does, `INSERT off: 1, flags: 0x00`: the wording differs between versions.
        package var description: String
        package var blocks: [Block]

        /// The first word of the description: the operation, `MULTI_INSERT+INIT`.
        package var operation: Substring { description.prefix { $0 != " " } }
    }

    /// What the tool says of one block reference.
    package struct Block: Sendable, Hashable {
        package var id: UInt8
        package var tablespace: UInt32
        package var database: UInt32
        package var relation: UInt32
        package var fork: Fork
        package var number: UInt32
        package var image: Image?
    }

    /// The relation forks, numbered as in a record.
    package enum Fork: UInt8, Sendable {
        case main, freeSpaceMap, visibilityMap, initial
    }

    /// What the tool says of a full-page image.
    package struct Image: Sendable, Hashable {
        /// Whether replay uses it; if not, it is there for WAL consistency checking only.
        package var isApplied: Bool
        package var holeOffset: Int
        package var holeLength: Int
        /// The method, `pglz`, `lz4` or `zstd`, and the bytes saved; nil when not compressed.
        package var compression: Compression?
    }

    /// How an image was compressed.
    package struct Compression: Sendable, Hashable {
        package var method: String
        package var savedBytes: Int
    }
}
