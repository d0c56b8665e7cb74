/// What a generated record holds: everything that its position doesn't decide.
public struct WALRecordContents: Sendable {
    /// The transaction ID, 0 for none.
    public var transactionID: UInt32
    /// The resource manager.
    public var resourceManager: ResourceManager
    /// The info byte.
    public var info: UInt8
    /// Everything behind the record's header: fragment headers and payloads.
    public var fragments: [UInt8]

    /// Makes a record of its raw fragments.
    public init(
        resourceManager: ResourceManager,
        info: UInt8,
        transactionID: UInt32 = 0,
        fragments: [UInt8] = []
    ) {
        self.resourceManager = resourceManager
        self.info = info
        self.transactionID = transactionID
        self.fragments = fragments
    }

    /// Makes a record without block references: main data only, with the short or long header that it needs.
    public init(resourceManager: ResourceManager, info: UInt8, transactionID: UInt32 = 0, mainData: [UInt8]) {
        var fragments: [UInt8] = []
        fragments.reserveCapacity(mainData.count + 5)
        if mainData.count > 255 {
            fragments.append(254)
            fragments.appendLittleEndian(UInt32(mainData.count))
        } else if !mainData.isEmpty {
            fragments.append(255)
            fragments.append(UInt8(mainData.count))
        }
        fragments += mainData
        self.init(resourceManager: resourceManager, info: info, transactionID: transactionID, fragments: fragments)
    }

    /// The record that ends a segment early: the next record starts the next segment.
    public static let segmentSwitch = WALRecordContents(resourceManager: .xlog, info: 0x40)
}

/// An endless or finite supply of records for ``WALGenerator``.
public protocol WALRecordSource {
    /// The next record; nil when there are no more.
    mutating func next() -> WALRecordContents?
}

/// Logical messages, all alike: the simplest records that PostgreSQL accepts anywhere.
///
/// Source: `wal-interpretation.md` §3.8.
public struct LogicalMessageSource: WALRecordSource, Sendable {
    private let contents: WALRecordContents

    /// Makes a source of non-transactional messages.
    ///
    /// - Parameters:
    ///   - prefix: the message's prefix, without a zero byte.
    ///   - payload: the message, 0 bytes to 8 MB and more.
    public init(prefix: String = "prefix", payload: [UInt8] = Array("message".utf8)) {
        var main: [UInt8] = []
        main.reserveCapacity(payload.count + prefix.utf8.count + 25)
        // Database OID, transactional or not with padding, length of the prefix with its zero, length of the message.
        main.appendLittleEndian(UInt32(0))
        main.appendLittleEndian(UInt32(0))
        main.appendLittleEndian(UInt64(prefix.utf8.count + 1))
        main.appendLittleEndian(UInt64(payload.count))
        main += prefix.utf8
        main.append(0)
        main += payload
        contents = WALRecordContents(resourceManager: .logicalMessage, info: 0, mainData: main)
    }

    /// The same message again.
    public func next() -> WALRecordContents? { contents }
}
