internal import InterpretedWAL
internal import NIOCore
internal import ReplicationProtocol

extension ByteBuffer {
    /// Makes a buffer of what is encoded.
    init(_ encode: (inout OutputBuffer) -> Void) {
        var output = OutputBuffer()
        encode(&output)
        self = output.withUnsafeBytes { ByteBuffer(bytes: $0) }
    }
}

extension TimeSource {
    /// The time of day as PostgreSQL sends it.
    var postgresTimestamp: PostgresTimestamp {
        let now = timestamp
        return PostgresTimestamp(unixSeconds: Int64(now.seconds), nanoseconds: Int64(now.nanoseconds)) ?? .epoch
    }
}
