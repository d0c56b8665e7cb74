import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import ShardIdentity
import TestFixtures

/// The control files of `safekeeper-core.md` §9.5, and what they say.
enum ControlFileVectors {
    /// Version 9, a timeline just made without knowing anything: everything zero.
    static let fresh = [UInt8](
        hex: """
            efcefeca090000002000000000000000303031313232333334343535363637373838393961616262636364646565666620000000
            00000000666665656464636362626161393938383737363635353434333332323131303000000000000000000000000000000000
            fa490200efcdab896745230100000001200000000000000030303030303030303030303030303030303030303030303030303030
            30303030000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
            0000000000000000000000000000000000000000a57e9cae
            """
    )

    /// Version 10, one member, made at 0/14EE150.
    static let created = [UInt8](
        hex: """
            efcefeca0a0000002000000000000000303031313232333334343535363637373838393961616262636364646565666620000000
            00000000666665656464636362626161393938383737363635353434333332323131303001000000010000000000000001000000
            000000000400000000000000736b2d314e150000000000000000000100000000000000000000000000000050e14e0100000000fa
            490200efcdab89674523010000000120000000000000003030303030303030303030303030303030303030303030303030303030
            30303050e14e010000000050e14e010000000050e14e010000000050e14e010000000050e14e0100000000000000000000000000
            000000000000000000000080857467000000000000000078d5bcad
            """
    )

    /// Version 10 with new members, a partial segment, evicted.
    static let joint = [UInt8](
        hex: """
            efcefeca0a0000002000000000000000303031313232333334343535363637373838393961616262636364646565666620000000
            00000000666665656464636362626161393938383737363635353434333332323131303005000000010000000000000001000000
            000000000400000000000000736b2d314e1501010000000000000002000000000000000400000000000000736b2d324f15030000
            00000000000200000000000000000000000000000050e14e010000000003000000000000000000500100000000fa490200efcdab
            8967452301000000012000000000000000303030303030303030303030303030303030303030303030303030303030303050e14e
            010000000050e14e0100000000000050010000000050e14e010000000050e14e010000000050e14e010000000001000000000000
            000100000048000000000000003030303030303031303030303030303030303030303030315f335f303030303030303030313530
            303030385f303030303030303030313530303030305f736b312e7061727469616c00005001000000000800500100000000030000
            0000000000010000000800500100000000808574670000000015cd5b0798b76866
            """
    )

    static var freshState: ControlFile {
        ControlFile(
            tenantID: TenantID(bits: 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff),
            timelineID: TimelineID(bits: 0xffee_ddcc_bbaa_9988_7766_5544_3322_1100),
            server: .init(versionNumber: 150_010, systemIdentifier: 0x0123_4567_89AB_CDEF, segmentSize: 16 << 20)
        )
    }

    static func createdState() throws -> ControlFile {
        let start = LSN(0x14E_E150)
        var state = freshState
        state.membership = try MembershipConfiguration(
            generation: .first,
            members: MemberSet([SafekeeperMember(id: SafekeeperID(1), host: "sk-1", port: 5454)])
        )
        state.termHistory = try TermHistory([TermLSN(term: .initial, lsn: start)])
        state.timelineStartLSN = start
        state.localStartLSN = start
        state.commitLSN = start
        state.backupLSN = start
        state.peerHorizonLSN = start
        state.creation = .init(seconds: 1_735_689_600, nanoseconds: 0)
        return state
    }

    static func jointState() throws -> ControlFile {
        let start = LSN(0x14E_E150)
        var state = try createdState()
        state.membership = try MembershipConfiguration(
            generation: Generation(5),
            members: state.membership.members,
            newMembers: MemberSet([SafekeeperMember(id: SafekeeperID(2), host: "sk-2", port: 5455)])
        )
        state.term = Term(3)
        try state.termHistory.append(TermLSN(term: Term(3), lsn: LSN(0x150_0000)))
        state.commitLSN = LSN(0x150_0000)
        state.remoteConsistentLSN = start
        state.partialSegments = [
            .init(
                status: .uploaded,
                name: "000000010000000000000001_3_0000000001500008_0000000001500000_sk1.partial",
                commitLSN: LSN(0x150_0000),
                flushLSN: LSN(0x150_0008),
                lastLogTerm: Term(3)
            )
        ]
        state.eviction = .offloaded(flushLSN: LSN(0x150_0008))
        state.creation = .init(seconds: 1_735_689_600, nanoseconds: 123_456_789)
        return state
    }

    static func all() throws -> [(bytes: [UInt8], state: ControlFile)] {
        [(fresh, freshState), (created, try createdState()), (joint, try jointState())]
    }
}
