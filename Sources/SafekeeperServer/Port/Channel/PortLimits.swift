package import NIOCore

/// How much of everything a port allows, and what it does then.
package struct PortLimits: Sendable {
    /// How many clients there may be at a time; another one is told so and closed.
    package var maximumConnections = 4_096
    /// How long a client may take until it is let in; then it is closed.
    package var startupTimeout = TimeAmount.seconds(10)
    /// How long a client may say nothing while it is listened to; then it is closed.
    package var readTimeout = TimeAmount.seconds(600)
    /// How long a connection that is being closed is kept open for the client to read its last message.
    package var lingerTimeout = TimeAmount.seconds(2)
    /// How many bytes the system keeps of each connection that have not been read, as far as its own limit allows it.
    ///
    /// Left to itself it keeps 6 MB of a fast sender, and a commit waits behind them. This much is enough for 200 MB a
    /// second over a millisecond of network.
    package var socketReceiveBuffer: CInt = 512 << 10
    /// How many bytes of COPY payloads are held that nobody has fetched yet; then nothing is read.
    package var maximumReadAhead = 512 << 10
    /// How many such payloads are held.
    package var maximumPayloadsAhead = 1_024
    /// Between which numbers of bytes that the client has not taken a sender waits, having gone over the upper one.
    package var writeWaterMark = ChannelOptions.Types.WriteBufferWaterMark(
        low: standardSendBuffer / 4,
        high: standardSendBuffer
    )
    /// The sizes of the pieces in which bytes are received: it grows and shrinks with what comes.
    package var receiveBufferSize = 8 << 10...256 << 10

    /// The upper one of those, unless chosen otherwise.
    package static let standardSendBuffer = 512 << 10

    package init() {}
}
