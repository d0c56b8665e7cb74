public import PostgresWAL
public import ReplicationProtocol

/// What a proposer is made of: the safekeepers, whose WAL it is, and where that stands.
public struct ProposerConfiguration: Sendable {
    /// How many safekeepers there may be.
    public static let safekeeperCounts = 1...9

    /// A safekeeper to push to.
    public struct Safekeeper: Hashable, Sendable {
        /// Where it listens, `host:port`.
        public var address: String
        /// The form of its messages: protocol 2 for safekeepers from before 2025.
        public var protocolVersion: ConsensusProtocolVersion

        /// Makes an entry.
        public init(address: String, protocolVersion: ConsensusProtocolVersion = .v3) {
            self.address = address
            self.protocolVersion = protocolVersion
        }
    }

    /// The safekeepers; members are known by their index in here.
    public let safekeepers: [Safekeeper]
    /// The generation of the list.
    ///
    /// With a real one the quorum is that of the safekeepers' own membership configuration, and timelines are not made;
    /// with `Generation.invalid` it is a majority of the list, until a safekeeper tells of a configuration.
    public let generation: Generation
    /// What safekeepers are told first; its membership is not used, the proposer puts in what it knows.
    public var greeting: ProposerGreeting
    /// Where the timeline begins if all safekeepers are empty: the start of a record.
    ///
    /// Without it empty safekeepers are an error.
    public var startLSN: LSN?
    /// How far the server's WAL is durable: an election that ends beyond it is refused.
    public var serverFlush: LSN
    /// Whether safekeepers may make the timeline; only counts without a generation.
    public var allowsTimelineCreation: Bool
    /// Times and bounds.
    public var limits: ProposerLimits

    /// Makes a configuration; throws ``ProposerConfigurationError``.
    public init(
        safekeepers: [Safekeeper],
        generation: Generation = .invalid,
        greeting: ProposerGreeting,
        startLSN: LSN? = nil,
        serverFlush: LSN,
        allowsTimelineCreation: Bool = true,
        limits: ProposerLimits = ProposerLimits()
    ) throws(ProposerConfigurationError) {
        guard Self.safekeeperCounts.contains(safekeepers.count) else {
            throw .wrongCount(safekeepers.count)
        }
        for (index, safekeeper) in safekeepers.enumerated() {
            let address = safekeeper.address
            guard !safekeepers[..<index].contains(where: { $0.address == address }) else {
                throw .duplicateAddress(address)
            }
            guard !generation.isValid || safekeeper.protocolVersion == .v3 else {
                throw .generationNeedsProtocol3(generation, address: address)
            }
        }
        if let startLSN, !startLSN.isValid { throw .invalidStart }
        self.safekeepers = safekeepers
        self.generation = generation
        self.greeting = greeting
        self.startLSN = startLSN
        self.serverFlush = serverFlush
        self.allowsTimelineCreation = allowsTimelineCreation
        self.limits = limits
    }
}

/// Times and bounds of a proposer.
///
/// Source: `safekeeper-core.md` §0 (upstream's figures).
public struct ProposerLimits: Hashable, Sendable {
    /// How long to wait before the first new attempt to connect; it doubles with each failure.
    public var firstReconnectDelay: Duration = .milliseconds(200)
    /// The longest wait between attempts.
    public var longestReconnectDelay: Duration = .seconds(5)
    /// How long a safekeeper may owe an answer before the connection is given up.
    public var connectionTimeout: Duration = .seconds(10)
    /// How long a stream may be silent before an empty request is sent.
    public var heartbeatInterval: Duration = .seconds(1)
    /// How long a new commit position may wait for WAL to travel with, before it gets a request of its own.
    ///
    /// Safekeepers pass on what is committed and no more, so it should be short. While COMMIT follows on COMMIT the next
    /// one's WAL takes it along, which halves the messages.
    public var commitNoticeDelay: Duration = .milliseconds(1)
    /// WAL sent to a safekeeper beyond what it has reported as durable, in bytes.
    ///
    /// At the bound the proposer waits for a report. A record longer than this is never reported as long as a part of it
    /// is missing, so each answer that brings nothing new allows one more message.
    public var maximumInFlightBytes: UInt64 = 32 << 20
    /// Requests sent to a safekeeper since its last answer: as many as its queue takes.
    ///
    /// At the bound the proposer waits for an answer; what comes meanwhile goes into fewer, larger requests.
    public var maximumUnansweredRequests = 256

    /// The default times and bounds.
    public init() {}
}

/// Why a proposer's configuration makes no sense.
public enum ProposerConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Too few or too many safekeepers.
    case wrongCount(Int)
    /// A safekeeper twice: it would count twice.
    case duplicateAddress(String)
    /// Generations are not in protocol 2.
    case generationNeedsProtocol3(Generation, address: String)
    /// A start at `0/0`.
    case invalidStart

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .wrongCount(let count):
            "\(count) safekeepers, expected \(ProposerConfiguration.safekeeperCounts.lowerBound) to "
                + "\(ProposerConfiguration.safekeeperCounts.upperBound)"
        case .duplicateAddress(let address): "safekeeper \(address) is listed twice"
        case .generationNeedsProtocol3(let generation, let address):
            "a list of generation \(generation) needs protocol 3, but \(address) is to be spoken to in protocol 2"
        case .invalidStart: "a timeline can't start at 0/0"
        }
    }
}
