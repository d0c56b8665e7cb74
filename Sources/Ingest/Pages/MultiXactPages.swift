internal import InterpretedWAL
internal import PostgresWAL

/// A page of `pg_multixact/offsets`: where each multixact's members begin, 32 bits each.
///
/// Source: `ingest.md` §2.11, §4.4.
enum MultiXactOffsetsPage {
    static let entriesPerPage: UInt32 = 2048

    static func number(of multiXact: UInt32) -> UInt32 { multiXact / entriesPerPage }

    static func set(_ memberOffset: UInt32, of multiXact: UInt32, on page: inout [UInt8]) {
        page.replace(littleEndian: memberOffset, at: Int(multiXact % entriesPerPage) * 4)
    }
}

/// A page of `pg_multixact/members`: groups of four flag bytes and four transaction ids.
///
/// Source: `ingest.md` §2.11, §4.4.
enum MultiXactMembersPage {
    static let membersPerPage: UInt32 = 1636
    private static let groupSize = 20

    static func number(of memberOffset: UInt32) -> UInt32 { memberOffset / membersPerPage }

    /// How many members fit on the page from an offset on.
    static func room(at memberOffset: UInt32) -> UInt32 { membersPerPage - memberOffset % membersPerPage }

    static func set(_ member: MultiXactMember, at memberOffset: UInt32, on page: inout [UInt8]) {
        let index = Int(memberOffset % membersPerPage)
        let group = index / 4 * groupSize
        page[group + index % 4] = UInt8(truncatingIfNeeded: member.status)
        page.replace(littleEndian: member.xid, at: group + 4 + index % 4 * 4)
    }
}

extension [UInt8] {
    /// Writes an integer over the bytes at `offset`, which must be there.
    mutating func replace(littleEndian value: some FixedWidthInteger, at offset: Int) {
        Swift.withUnsafeBytes(of: value.littleEndian) { bytes in
            for (index, byte) in bytes.enumerated() { self[offset + index] = byte }
        }
    }
}
