public import PostgresWAL

/// What a connection has seen so far; the connection manager judges by it.
///
/// Source: `ingest.md` §1.6.
public struct ConnectionStatus: Hashable, Sendable {
    /// Whether the login is done.
    public internal(set) var isConnected = false
    /// Whether the last record's LSN has grown on this connection.
    public internal(set) var hasProcessedWAL = false
    /// Whether the sink is full, so that nothing is read until there is space.
    public internal(set) var isPaused = false
    /// When the sender was last heard of, or we were busy with what it had sent.
    public internal(set) var latestConnectionUpdate: Moment
    /// When WAL last came, or the connection was made.
    public internal(set) var latestWALUpdate: Moment
    /// How far WAL is committed, as the sender said; nil if it has not yet.
    public internal(set) var commitLSN: LSN?
    /// The end of the WAL that the last message covered; nil before the first one.
    public internal(set) var streamingLSN: LSN?

    init(at now: Moment) {
        latestConnectionUpdate = now
        latestWALUpdate = now
    }
}
