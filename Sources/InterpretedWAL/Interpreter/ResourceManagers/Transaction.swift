internal import PostgresWAL
internal import ShardIdentity

extension MetadataInterpreter {
    /// XACT: commits and aborts, of prepared transactions too, and preparing itself.
    ///
    /// Source: `wal-interpretation.md` §3.7.
    static func transaction(
        _ main: borrowing MainData,
        origin: UInt16
    ) throws(InterpretationError) -> TransactionMetadata? {
        switch main.info & 0x70 {
        case 0x00: .commit(try end(main, origin: origin))
        case 0x10: .prepare(xid: main.transactionID, data: try main.array(from: 0))
        case 0x20: .abort(try end(main, origin: origin))
        case 0x30: .commitPrepared(try end(main, origin: origin))
        case 0x40: .abortPrepared(try end(main, origin: origin))
        default: nil
        }
    }

    /// Bits of `xinfo`: which parts follow.
    private enum Part {
        static let database: UInt32 = 0x01
        static let subtransactions: UInt32 = 0x02
        static let droppedRelations: UInt32 = 0x04
        static let invalidations: UInt32 = 0x08
        static let preparedXID: UInt32 = 0x10
        static let origin: UInt32 = 0x20
        static let droppedStatistics: UInt32 = 0x100
    }

    private static func end(_ main: borrowing MainData, origin: UInt16) throws(InterpretationError) -> XactCommon {
        var end = XactCommon(
            xid: main.transactionID,
            info: main.info & 0x70,
            time: try main.read(Int64.self, at: 0),
            originID: origin,
            headerXID: main.transactionID,
            lsn: main.next
        )
        var offset = 8
        if main.info & 0x80 != 0 {
            end.xinfo = try main.read(UInt32.self, at: offset)
            offset += 4
        }
        if end.xinfo & Part.database != 0 {
            end.database = try main.read(UInt32.self, at: offset)
            end.tablespace = try main.read(UInt32.self, at: offset + 4)
            offset += 8
        }
        if end.xinfo & Part.subtransactions != 0 {
            end.subtransactions = try main.readNumbers(at: &offset)
        }
        if end.xinfo & Part.droppedRelations != 0 {
            end.droppedRelations = try main.readRelations(at: &offset)
        }
        if end.xinfo & Part.droppedStatistics != 0 {
            try main.skipElements(of: 12, at: &offset)
        }
        if end.xinfo & Part.invalidations != 0 {
            try main.skipElements(of: 16, at: &offset)
        }
        if end.xinfo & Part.preparedXID != 0 {
            end.xid = try main.read(UInt32.self, at: offset)
            offset += 4
        }
        // A prepared transaction's name comes first here, where there is one. The reference does not pass over it, and
        // equal bytes matter more than this field, which nothing reads: the name's first bytes come out as the LSN.
        if end.xinfo & Part.origin != 0 {
            end.originLSN = LSN(try main.read(UInt64.self, at: offset))
        }
        return end
    }
}

extension MainData {
    /// A count at `offset`, and that many relations; `offset` moves past them.
    fileprivate func readRelations(at offset: inout Int) throws(InterpretationError) -> [RelationLocator] {
        let number = try checkCount(Int64(try read(Int32.self, at: offset)), of: 12, at: offset + 4)
        offset += 4
        var relations: [RelationLocator] = []
        relations.reserveCapacity(number)
        for _ in 0..<number {
            relations.append(try readRelation(at: offset))
            offset += 12
        }
        return relations
    }

    /// A count at `offset`, and that many elements of no interest; `offset` moves past them.
    fileprivate func skipElements(of size: Int, at offset: inout Int) throws(InterpretationError) {
        let number = try checkCount(Int64(try read(Int32.self, at: offset)), of: size, at: offset + 4)
        offset += 4 + number * size
    }
}
