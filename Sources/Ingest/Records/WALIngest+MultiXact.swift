internal import InterpretedWAL
internal import PostgresWAL
internal import ShardIdentity

// Multixacts: where their members begin, and the members.
// Source: `ingest.md` §2.4, §2.11.

extension WALIngest {
    mutating func ingest(_ change: MultiXactMetadata) throws(IngestFault) {
        switch change {
        case .zeroPage(let kind, let segment, let page):
            try zeroPage(kind, segment: segment, page: page)
        case .create(let multiXact, let memberOffset, let members):
            try create(multiXact, at: memberOffset, members)
        case .truncate(let oldestDatabase, _, let endMultiXact, let startMember, let endMember):
            checkpoint.oldestMultiXact = endMultiXact
            checkpoint.oldestMultiXactDatabase = oldestDatabase
            isCheckpointChanged = true
            try truncateMembers(from: startMember, to: endMember)
        }
    }

    private mutating func create(
        _ multiXact: UInt32,
        at memberOffset: UInt32,
        _ members: [MultiXactMember]
    ) throws(IngestFault) {
        let end = memberOffset &+ UInt32(truncatingIfNeeded: members.count)
        if shard.isShardZero {
            try put(
                .multiXactOffsetCreate(multiXact: multiXact, memberOffset: memberOffset),
                SLRUPage.key(.multiXactOffsets, page: MultiXactOffsetsPage.number(of: multiXact))
            )
            try put(members, at: memberOffset)
        }
        if checkpoint.advance(multiXact: multiXact &+ 1, offset: end) { isCheckpointChanged = true }
        if let newest = members.map(\.xid).max(by: { Int32(bitPattern: $0 &- $1) < 0 }), newest != 0,
            checkpoint.advance(beyond: newest)
        {
            isCheckpointChanged = true
        }
    }

    /// Puts members from an offset on, a change for each page; offsets wrap around in the middle of the last page.
    private mutating func put(_ members: [MultiXactMember], at memberOffset: UInt32) throws(IngestFault) {
        var offset = memberOffset
        var rest = members[...]
        while !rest.isEmpty {
            let room = min(UInt64(MultiXactMembersPage.room(at: offset)), (1 << 32) - UInt64(offset))
            let taken = rest.prefix(Int(room))
            try put(
                .multiXactMembersCreate(memberOffset: offset, members: Array(taken)),
                SLRUPage.key(.multiXactMembers, page: MultiXactMembersPage.number(of: offset))
            )
            offset &+= UInt32(taken.count)
            rest = rest.dropFirst(taken.count)
        }
    }

    /// Drops the segments from that of the first offset up to, not including, that of the second, around the end.
    private mutating func truncateMembers(from start: UInt32, to end: UInt32) throws(IngestFault) {
        let first = MultiXactMembersPage.number(of: start) / SLRUPage.pagesPerSegment
        let last = MultiXactMembersPage.number(of: end) / SLRUPage.pagesPerSegment
        try dropSegments(.multiXactMembers) { segment in
            first <= last ? first <= segment && segment < last : first <= segment || segment < last
        }
    }
}
