internal import InterpretedWAL
public import ReplicationProtocol

/// How a shard's WAL is received.
public struct ReceiverConfiguration: Hashable, Sendable {
    /// How WAL comes: interpreted, as protobuf, compressed with zstd at level 1.
    public var selection = WALReceiverProtocol.interpreted(
        WireFormat(format: .protobuf, compression: .zstd(level: 1))
    )
    /// When another safekeeper is changed to; also where we stand.
    public var manager = ManagerSettings()
    /// The number of this pageserver, by which safekeepers know it.
    public var node: UInt64 = 1
    /// Whether a batch that does not say where its WAL begins is refused.
    ///
    /// Gaps can't be seen with senders from before February 2025, which never say.
    public var validatesContiguity = true
    /// The token for safekeepers that ask for one.
    public var token: String?
    /// Further options of libpq, `key=value …`, such as `sslmode=verify-full sslrootcert=ca.pem`.
    ///
    /// Without any there is no encryption, as with upstream's pageservers.
    public var connectionOptions = "sslmode=disable gssencmode=disable"

    /// Makes the standard configuration.
    public init() {}
}
