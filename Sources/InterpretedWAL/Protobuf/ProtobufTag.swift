/// The tags of the schema's fields: field number times 8, plus 0 for a varint or 2 for bytes.
///
/// All are below 128, so each takes one byte. Computed, so that inlined code holds the constants.
///
/// Source: `wal-interpretation.md` §13.
@usableFromInline
package enum ProtobufTag {
    @usableFromInline
    package enum Batch {
        @inlinable package static var records: UInt64 { 0x0A }
        @inlinable package static var nextRecordLSN: UInt64 { 0x10 }
        @inlinable package static var rawWALStartLSN: UInt64 { 0x18 }
    }

    @usableFromInline
    package enum Record {
        @inlinable package static var metadata: UInt64 { 0x0A }
        @inlinable package static var batch: UInt64 { 0x12 }
        @inlinable package static var nextRecordLSN: UInt64 { 0x18 }
        @inlinable package static var flushUncommitted: UInt64 { 0x20 }
        @inlinable package static var xid: UInt64 { 0x28 }
    }

    @usableFromInline
    package enum Values {
        @inlinable package static var raw: UInt64 { 0x0A }
        @inlinable package static var metadata: UInt64 { 0x12 }
        @inlinable package static var maxLSN: UInt64 { 0x18 }
        @inlinable package static var count: UInt64 { 0x20 }
    }

    @usableFromInline
    package enum Value {
        @inlinable package static var type: UInt64 { 0x08 }
        @inlinable package static var key: UInt64 { 0x12 }
        @inlinable package static var lsn: UInt64 { 0x18 }
        @inlinable package static var offset: UInt64 { 0x20 }
        @inlinable package static var length: UInt64 { 0x28 }
        @inlinable package static var willInit: UInt64 { 0x30 }
    }

    @usableFromInline
    package enum Key {
        @inlinable package static var high: UInt64 { 0x08 }
        @inlinable package static var low: UInt64 { 0x10 }
    }
}
