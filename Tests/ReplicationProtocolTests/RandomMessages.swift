import InterpretedWAL
import PostgresWAL
import ReplicationProtocol
import ShardIdentity
import TestFixtures

/// Messages with values of any magnitude.
extension SeededGenerator {
    mutating func lsn() -> LSN { LSN(magnitude()) }

    mutating func term() -> Term { Term(magnitude()) }

    mutating func time() -> PostgresTimestamp { PostgresTimestamp(microseconds: Int64(bitPattern: magnitude())) }

    mutating func generation(_ version: ConsensusProtocolVersion) -> Generation {
        version == .v2 ? .invalid : Generation(UInt32(truncatingIfNeeded: magnitude()))
    }

    mutating func text(upTo maximum: Int) -> String {
        let alphabet = Array("abz09-.:ßö😀 \\'")
        return String(
            (0..<Int.random(in: 0...maximum, using: &self)).map { _ in alphabet.randomElement(using: &self) ?? "a" }
        )
    }

    mutating func history() throws -> TermHistory {
        var history = TermHistory()
        var (term, lsn) = (UInt64(0), UInt64(0))
        for _ in 0..<Int.random(in: 0...6, using: &self) {
            try history.append(TermLSN(term: Term(term), lsn: LSN(lsn)))
            term += 1 + (next() >> 40)
            lsn += next() >> 30
        }
        return history
    }

    mutating func memberSet(_ range: ClosedRange<Int>) throws -> MemberSet {
        let start = magnitude() >> 8
        return try MemberSet(
            (0..<Int.random(in: range, using: &self)).map { index in
                let port = UInt16.random(in: 0...UInt16.max, using: &self)
                let id = SafekeeperID(start + UInt64(index))
                return try SafekeeperMember(id: id, host: text(upTo: 12), port: port)
            }
        )
    }

    mutating func membership(_ version: ConsensusProtocolVersion) throws -> MembershipConfiguration {
        let generation = generation(version)
        if version == .v2 { return .none }
        let members = try memberSet((generation.isValid ? 1 : 0)...5)
        return try MembershipConfiguration(generation: generation, members: members, newMembers: memberSet(0...5))
    }

    mutating func feedback() -> PageserverFeedback {
        PageserverFeedback(
            currentTimelineSize: magnitude(),
            lastReceived: lsn(),
            diskConsistent: lsn(),
            remoteConsistent: lsn(),
            replyTime: time(),
            shardNumber: chance(1, in: 2) ? 0 : UInt32(truncatingIfNeeded: magnitude()),
            corruptionDetected: chance(1, in: 4)
        )
    }

    mutating func proposerMessage(_ version: ConsensusProtocolVersion) throws -> (ProposerMessage, wal: [UInt8]) {
        switch Int.random(in: 0..<4, using: &self) {
        case 0:
            let greeting = ProposerGreeting(
                tenant: TenantID(bits: UInt128(next()) << 64 | UInt128(next())),
                timeline: TimelineID(bits: UInt128(next()) << 64 | UInt128(next())),
                membership: try membership(version),
                serverVersionNumber: chance(1, in: 4) ? 0 : .random(in: 140_000...179_999, using: &self),
                systemID: magnitude(),
                segmentSize: UInt32(truncatingIfNeeded: magnitude())
            )
            return (.greeting(greeting), [])
        case 1:
            return (.voteRequest(VoteRequest(generation: generation(version), term: term())), [])
        case 2:
            let elected = ProposerElected(
                generation: generation(version),
                term: term(),
                startStreamingAt: lsn(),
                history: try history(),
                timelineStart: version == .v2 ? lsn() : nil
            )
            return (.elected(elected), [])
        default:
            let wal = bytes(upTo: 100)
            let begin = LSN(magnitude() >> 1)
            let request = AppendRequest(
                generation: generation(version),
                term: term(),
                begin: begin,
                end: begin + UInt64(wal.count),
                commit: lsn(),
                truncate: lsn()
            )
            return (.append(request), wal)
        }
    }

    mutating func acceptorMessage(_ version: ConsensusProtocolVersion) throws -> AcceptorMessage {
        switch Int.random(in: 0..<3, using: &self) {
        case 0:
            let node = SafekeeperID(magnitude())
            return .greeting(AcceptorGreeting(node: node, membership: try membership(version), term: term()))
        case 1:
            let response = VoteResponse(
                generation: generation(version),
                term: term(),
                voteGiven: chance(1, in: 2),
                flush: lsn(),
                truncate: lsn(),
                history: try history(),
                timelineStart: version == .v2 ? lsn() : .invalid
            )
            return .voteResponse(response)
        default:
            let response = AppendResponse(
                generation: generation(version),
                term: term(),
                flush: lsn(),
                commit: lsn(),
                standby: StandbyHorizons(time: time(), xmin: magnitude(), catalogXmin: magnitude()),
                pageserver: chance(1, in: 2) ? feedback() : nil
            )
            return .appendResponse(response)
        }
    }

    mutating func streamReply() -> WALStreamReply {
        switch Int.random(in: 0..<3, using: &self) {
        case 0: .pageserverFeedback(feedback())
        case 1:
            .standbyStatus(
                StandbyStatus(
                    write: lsn(),
                    flush: lsn(),
                    apply: lsn(),
                    time: time(),
                    replyRequested: chance(1, in: 2)
                )
            )
        default: .hotStandbyFeedback(StandbyHorizons(time: time(), xmin: magnitude(), catalogXmin: magnitude()))
        }
    }

    /// Some bytes changed, removed, added or cut off.
    mutating func mutation(of original: [UInt8]) -> [UInt8] {
        var bytes = original
        for _ in 0...Int.random(in: 0...3, using: &self) {
            let index = Int.random(in: 0...bytes.count, using: &self)
            switch Int.random(in: 0..<6, using: &self) {
            case 0: bytes.removeLast(bytes.count - index)
            case 1: bytes.insert(contentsOf: self.bytes(upTo: 5), at: index)
            case 2 where index < bytes.count: bytes.remove(at: index)
            case 3 where index < bytes.count: bytes[index] ^= 1 << UInt8.random(in: 0...7, using: &self)
            case 4 where index < bytes.count: bytes[index] = [0, 1, 0x7F, 0xFF].randomElement(using: &self) ?? 0
            default: if index < bytes.count { bytes[index] = UInt8.random(in: 0...255, using: &self) }
            }
        }
        return bytes
    }
}
