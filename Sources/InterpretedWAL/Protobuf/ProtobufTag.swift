/// The tags of the schema's fields: field number times 8, plus 0 for a varint or 2 for bytes.
///
/// All are below 128, so each takes one byte. Source: `wal-interpretation.md` §13.
@usableFromInline
package enum ProtobufTag {
    @usableFromInline
    package enum Batch {
        @usableFromInline package static let records: UInt8 = 0x0A
        @usableFromInline package static let nextRecordLSN: UInt8 = 0x10
        @usableFromInline package static let rawWALStartLSN: UInt8 = 0x18
    }

    @usableFromInline
    package enum Record {
        @usableFromInline package static let metadata: UInt8 = 0x0A
        @usableFromInline package static let batch: UInt8 = 0x12
        @usableFromInline package static let nextRecordLSN: UInt8 = 0x18
        @usableFromInline package static let flushUncommitted: UInt8 = 0x20
        @usableFromInline package static let xid: UInt8 = 0x28
    }

    @usableFromInline
    package enum Values {
        @usableFromInline package static let raw: UInt8 = 0x0A
        @usableFromInline package static let metadata: UInt8 = 0x12
        @usableFromInline package static let maxLSN: UInt8 = 0x18
        @usableFromInline package static let count: UInt8 = 0x20
    }

    @usableFromInline
    package enum Value {
        @usableFromInline package static let type: UInt8 = 0x08
        @usableFromInline package static let key: UInt8 = 0x12
        @usableFromInline package static let lsn: UInt8 = 0x18
        @usableFromInline package static let offset: UInt8 = 0x20
        @usableFromInline package static let length: UInt8 = 0x28
        @usableFromInline package static let willInit: UInt8 = 0x30
    }

    @usableFromInline
    package enum Key {
        @usableFromInline package static let high: UInt8 = 0x08
        @usableFromInline package static let low: UInt8 = 0x10
    }
}
