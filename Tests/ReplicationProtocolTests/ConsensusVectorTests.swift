import PostgresWAL
import ReplicationProtocol
import ShardIdentity
import TestFixtures
import Testing

/// Every message of `safekeeper-core.md` §9.1 to §9.3, written and read.
@Suite struct ConsensusVectorTests {
    private func check(
        _ message: ProposerMessage,
        _ vector: [UInt8],
        _ version: ConsensusProtocolVersion = .v3,
        wal: [UInt8] = [],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        #expect(encode(message, version, wal: wal) == vector, sourceLocation: sourceLocation)
        #expect(try proposerMessage(vector, version) == message, sourceLocation: sourceLocation)
        if case .append(let request) = message {
            #expect(Array(vector[request.walRange(in: version)]) == wal, sourceLocation: sourceLocation)
        }
    }

    private func check(
        _ message: AcceptorMessage,
        _ vector: [UInt8],
        _ version: ConsensusProtocolVersion = .v3,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        #expect(encode(message, version) == vector, sourceLocation: sourceLocation)
        #expect(try acceptorMessage(vector, version) == message, sourceLocation: sourceLocation)
    }

    private func elected(_ generation: Generation) throws -> ProposerElected {
        let history = try TermHistory([
            TermLSN(term: Term(1), lsn: Sample.base), TermLSN(term: Term(3), lsn: Sample.begin),
        ])
        return ProposerElected(
            generation: generation,
            term: Term(3),
            startStreamingAt: Sample.begin,
            history: history
        )
    }

    private func append(_ generation: Generation, begin: LSN, end: LSN) -> AppendRequest {
        AppendRequest(
            generation: generation,
            term: Term(3),
            begin: begin,
            end: end,
            commit: Sample.begin,
            truncate: Sample.base
        )
    }

    private func vote(_ generation: Generation) throws -> VoteResponse {
        VoteResponse(
            generation: generation,
            term: Term(3),
            voteGiven: true,
            flush: Sample.begin,
            truncate: Sample.base,
            history: try TermHistory([TermLSN(term: Term(1), lsn: Sample.base)])
        )
    }

    private func response(_ generation: Generation, feedback: Bool = false) -> AppendResponse {
        AppendResponse(
            generation: generation,
            term: Term(3),
            flush: Sample.begin + 8,
            commit: Sample.begin,
            standby: feedback ? StandbyHorizons(time: Sample.time, xmin: 0x1_0000_0300) : StandbyHorizons(),
            pageserver: feedback ? Sample.feedback : nil
        )
    }

    @Test func protocol3FromProposer() throws {
        let generation = Generation(5)
        try check(.greeting(Sample.greeting()), ConsensusVectors.greeting)
        let joint = try MembershipConfiguration(
            generation: generation,
            members: Sample.members(1...1),
            newMembers: Sample.members(2...2)
        )
        try check(.greeting(Sample.greeting(joint)), ConsensusVectors.greetingWithMembers)
        try check(.voteRequest(VoteRequest(generation: generation, term: Term(3))), ConsensusVectors.voteRequest)
        try check(.elected(try elected(generation)), ConsensusVectors.elected)
        let wal = append(generation, begin: Sample.begin, end: Sample.begin + 8)
        try check(.append(wal), ConsensusVectors.append, wal: Array(0...7))
        let heartbeat = append(generation, begin: Sample.begin + 8, end: Sample.begin + 8)
        #expect(heartbeat.isHeartbeat)
        try check(.append(heartbeat), ConsensusVectors.heartbeat)
        #expect(encoded { heartbeat.encodeHeartbeat(into: &$0, version: .v3) } == ConsensusVectors.heartbeat)
    }

    @Test func protocol3FromAcceptor() throws {
        let generation = Generation(5)
        try check(.greeting(AcceptorGreeting(node: SafekeeperID(7), term: Term(2))), ConsensusVectors.acceptorGreeting)
        let membership = try MembershipConfiguration(generation: generation, members: Sample.members(1...3))
        let greeting = AcceptorGreeting(node: SafekeeperID(1), membership: membership, term: Term(2))
        try check(.greeting(greeting), ConsensusVectors.acceptorGreetingWithMembers)
        try check(.voteResponse(try vote(generation)), ConsensusVectors.voteResponse)
        try check(.appendResponse(response(generation)), ConsensusVectors.appendResponse)
        let termOnly = AppendResponse.termOnly(generation: generation, term: Term(4))
        try check(.appendResponse(termOnly), ConsensusVectors.termOnlyResponse)
        try check(.appendResponse(response(generation, feedback: true)), ConsensusVectors.appendResponseWithFeedback)
    }

    /// The same pairs are what follows the length of a `z` message.
    @Test func feedbackAlone() throws {
        let pairs = ConsensusVectors.feedback
        let message = hex("7a 0000000000000099") + pairs
        #expect(pairs.count == 0x99)
        #expect(try WALStreamReply(decoding: message.span.bytes) == .pageserverFeedback(Sample.feedback))
        #expect(encoded { WALStreamReply.pageserverFeedback(Sample.feedback).encode(into: &$0) } == message)
    }

    @Test func bootstrap() throws {
        let history = try TermHistory([TermLSN(term: Term(1), lsn: Sample.base)])
        try check(
            .voteRequest(VoteRequest(generation: .invalid, term: Term(1))),
            ConsensusVectors.bootstrapVoteRequest
        )
        let vote = VoteResponse(
            generation: .invalid,
            term: Term(1),
            voteGiven: true,
            flush: .invalid,
            truncate: .invalid,
            history: TermHistory()
        )
        try check(.voteResponse(vote), ConsensusVectors.bootstrapVoteResponse)
        let elected = ProposerElected(
            generation: .invalid,
            term: Term(1),
            startStreamingAt: Sample.base,
            history: history
        )
        try check(.elected(elected), ConsensusVectors.bootstrapElected)
        let append = AppendRequest(
            generation: .invalid,
            term: Term(1),
            begin: Sample.base,
            end: Sample.base,
            commit: .invalid,
            truncate: Sample.base
        )
        try check(.append(append), ConsensusVectors.bootstrapAppend)
        let response = AppendResponse(
            generation: .invalid,
            term: Term(1),
            flush: Sample.base,
            commit: Sample.base
        )
        try check(.appendResponse(response), ConsensusVectors.bootstrapResponse)
    }

    @Test func protocol2FromProposer() throws {
        try check(.greeting(Sample.greeting()), ConsensusVectors.greeting2, .v2)
        let vote = ProposerMessage.voteRequest(VoteRequest(generation: .invalid, term: Term(3)))
        try check(vote, ConsensusVectors.voteRequest2, .v2)
        // The begin of the timeline is not filler: safekeepers before 2025 take it from here.
        let elected = try elected(.invalid)
        #expect(elected.timelineStart == Sample.base)
        try check(.elected(elected), ConsensusVectors.elected2, .v2)
        let append = append(.invalid, begin: Sample.begin, end: Sample.begin + 8)
        try check(.append(append), ConsensusVectors.append2, .v2, wal: Array(0...7))
    }

    @Test func protocol2FromAcceptor() throws {
        let greeting = AcceptorGreeting(node: SafekeeperID(7), term: Term(2))
        try check(.greeting(greeting), ConsensusVectors.acceptorGreeting2, .v2)
        try check(.voteResponse(try vote(.invalid)), ConsensusVectors.voteResponse2, .v2)
        try check(.appendResponse(response(.invalid)), ConsensusVectors.appendResponse2, .v2)
        let withFeedback = response(.invalid, feedback: true)
        try check(.appendResponse(withFeedback), ConsensusVectors.appendResponseWithFeedback2, .v2)
    }

    /// What a message of the older protocol has and the newer one has not keeps its value in the older one.
    @Test func olderProtocolKeepsTheTimelineStart() throws {
        var vote = try vote(.invalid)
        vote.timelineStart = Sample.base
        #expect(try acceptorMessage(encode(.voteResponse(vote), .v2), .v2) == .voteResponse(vote))
        var elected = try elected(.invalid)
        elected.timelineStart = LSN(0x14E_E000)
        #expect(try proposerMessage(encode(.elected(elected), .v2), .v2) == .elected(elected))
    }
}
