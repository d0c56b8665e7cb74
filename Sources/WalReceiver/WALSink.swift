public import PostgresWAL

/// How far a sink has got.
public struct SinkPositions: Hashable, Sendable {
    /// The LSN of the last record that was taken in; WAL is asked for from here on.
    public var lastRecord: LSN
    /// Everything up to here survives a crash of the process.
    public var diskConsistent: LSN
    /// Everything up to here survives the loss of the node; 0/0 if that is not known.
    public var remoteConsistent: LSN
    /// The size of all relations in bytes, on shard zero; 0 on all others.
    public var logicalSize: UInt64

    /// Makes positions.
    public init(
        lastRecord: LSN,
        diskConsistent: LSN = .invalid,
        remoteConsistent: LSN = .invalid,
        logicalSize: UInt64 = 0
    ) {
        self.lastRecord = lastRecord
        self.diskConsistent = diskConsistent
        self.remoteConsistent = remoteConsistent
        self.logicalSize = logicalSize
    }
}

/// Where received WAL goes: a shard's store, as a rule.
///
/// Calls come from one receiver, one after the other, on a thread of its own, and may block.
public protocol WALSink: Sendable {
    /// How far the sink has got; may be called on any thread.
    var positions: SinkPositions { get }

    /// Takes in a message in protobuf form, not compressed, all of it.
    ///
    /// Afterwards ``SinkPositions/lastRecord`` is at least the message's next record LSN, also if nothing in it was for
    /// this shard. Records up to the last one that was taken in are passed over.
    ///
    /// - Throws: ``WALSinkError``; the same message may then be given again.
    func ingest(message: RawSpan) throws(WALSinkError)
}

/// Why a sink has not taken a message in.
public struct WALSinkError: Error, Hashable, Sendable {
    /// What follows from it.
    public enum Kind: Hashable, Sendable {
        /// There is no space: the same message is tried again until there is.
        case full
        /// The store has failed: the connection is made anew from where the sink is.
        case failed
        /// What the message says can't be: the shard's data may be damaged, or the sender is.
        case rejected
    }

    /// What follows from it.
    public let kind: Kind
    /// What was wrong, in words, with the LSN.
    public let message: String

    /// Makes an error.
    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }
}

extension WALSinkError: CustomStringConvertible {
    /// What was wrong, in words.
    public var description: String { message }
}
