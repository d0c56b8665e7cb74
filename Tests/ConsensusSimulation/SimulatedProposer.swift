import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import WalProposer

/// One life of a proposer: the real state machine, and the WAL of the server behind it.
struct SimulatedProposer {
    /// Distinguishes all proposers of a simulation.
    let serial: Int
    var machine: Proposer
    /// The time for which it has asked to be told of.
    var timer: Duration?
    /// Its server's WAL, once it is elected.
    var generator: WALGenerator<LogicalMessageSource>?

    var isElected: Bool { machine.election != nil }

    /// Writes a record; gives its bytes.
    ///
    /// Lengths repeat, so that records of different leaders often begin at the same places: then WAL that should be gone
    /// would not be seen to be torn.
    mutating func write(size: Int) -> [UInt8] {
        let fill = UInt8(truncatingIfNeeded: machine.term.rawValue &* 31 &+ UInt64(serial))
        let contents = WALRecordContents(
            resourceManager: .logicalMessage,
            info: 0,
            mainData: [UInt8](repeating: fill, count: size)
        )
        return generator?.append(contents).bytes ?? []
    }
}

/// One connection between a proposer and a node: two streams of bytes, each in order.
struct SimulatedLink {
    let proposer: Int
    let connection: ProposerConnection
    let node: Int
    var isOpenAtNode = false
    var isClosedAtProposer = false
    /// When the last thing sent arrives, in either direction.
    var lastAtNode = Duration.zero
    var lastAtProposer = Duration.zero
    /// What has come to the node, which is busy.
    var waiting: [MessageQueue.Element] = []
    /// Whether WAL was written for it since the last flush.
    var isDirty = false
}
