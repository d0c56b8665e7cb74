/// What a STANDBY record says.
///
/// Source: `wal-interpretation.md` §3.8 and §11 (Standby).
public enum StandbyMetadata: Hashable, Sendable {
    /// A snapshot of running transactions, of which only the oldest is kept.
    case runningTransactions(oldestRunningXID: UInt32)
}

// MARK: - Bincode

extension StandbyMetadata: BincodeCodable {
    /// Appends the bincode form.
    public func encode(into buffer: inout OutputBuffer) {
        switch self {
        case .runningTransactions(let oldestRunningXID):
            buffer.append(variant: 0)
            buffer.append(bigEndian: oldestRunningXID)
        }
    }

    /// Reads the bincode form.
    public init(from reader: inout BincodeReader) throws(BincodeError) {
        switch try reader.readVariant() {
        case 0: self = .runningTransactions(oldestRunningXID: try reader.read())
        case let other: throw .unknownVariant(path: "MetadataRecord.Standby", value: other)
        }
    }
}
