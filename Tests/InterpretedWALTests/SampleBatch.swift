import InterpretedWAL
import PostgresWAL
import ShardIdentity
import TestFixtures

/// The message of `wal-interpretation.md` §17.4.
enum SampleBatch {
    static let batch = InterpretedBatch(
        records: [
            InterpretedRecord(
                metadata: .standby(.runningTransactions(oldestRunningXID: 745)),
                batch: SerializedValueBatch(
                    rawBytes: StoredValue.record(.postgres(willInit: false, record: [0xDE, 0xAD, 0xBE, 0xEF]))
                        .encoded(),
                    metadata: [
                        .serialized(
                            key: CompactKey(high: 0x0006_7F00_0000_0500, low: 0x0040_0000_0000_0007),
                            lsn: LSN(0x200_0100),
                            offset: 0,
                            length: 21,
                            willInit: false
                        ),
                        .observed(
                            key: CompactKey(high: 0x0006_7F00_0000_0500, low: 0x8000_0100_0000_0BB8),
                            lsn: LSN(0x200_0100)
                        ),
                    ],
                    maxLSN: LSN(0x200_0100),
                    count: 1
                ),
                nextRecordLSN: LSN(0x200_0100),
                xid: 740
            ),
            InterpretedRecord(nextRecordLSN: LSN(0x200_0138), flushUncommitted: true, xid: 0),
        ],
        nextRecordLSN: LSN(0x200_0138),
        rawWALStartLSN: LSN(0x200_0000)
    )

    static let bincode = hex(
        """
        0000000000000002010000000a00000000000002e900000000000000150000000100000000000000000000000004deadbeef
        00000000000000020000000000067f0000000500004000000000000700000000020001000000000000000000000000000000
        0015000000000100067f00000005008000010000000bb8000000000200010000000000020001000000000000000001000000
        000200010000000001000002e400000000000000000000000000000000000000000000000000000000000000000000000000
        0200013800000000000000000000000002000138010000000002000000
        """
    )

    static let protobuf = hex(
        """
        0a760a0c0000000a00000000000002e9125e0a150000000100000000000000000000000004deadbeef121f121208808a8080
        80e09f031087808080808080201880828010200028153000121d0801121408808a808080e09f0310b897808080a080808001
        188082801018808280102001188082801028e4050a09120018b8828010200110b88280101880808010
        """
    )

    static let compressed = hex(
        """
        28b52ffd00486d0300e2c617219029e93b54ec7ff82ab669cf97fd9e6f266766242f25b82cb676b626c50ff4b70cf6a39d8f
        55b2f3c11e010d2a8e9d63253b473bc7fa21bfe3315c31876ba2719aec1cd30c0b3c287f63e60e711749642268b56d90e22c
        80a2b605b4400104008cda10b40be214801c
        """
    )

    static let empty = InterpretedBatch(nextRecordLSN: LSN(0x200_0138))
    static let emptyBincode = hex("0000000000000000000000000200013800")
    static let emptyProtobuf = hex("10b8828010")
}
