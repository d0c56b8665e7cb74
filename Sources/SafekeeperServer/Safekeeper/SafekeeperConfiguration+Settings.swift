internal import NIOCore
package import ReplicationProtocol

/// What a configuration means for the parts of a safekeeper.
extension TimelineSettings {
    /// The settings of all timelines.
    ///
    /// - Parameters:
    ///   - configuration: the configuration.
    ///   - node: the safekeeper's number.
    package init(_ configuration: SafekeeperConfiguration, of node: SafekeeperID) {
        self.init(
            state: TimelineState.Settings(
                node: node,
                allocation: configuration.segmentAllocation,
                noSync: configuration.noSync
            )
        )
        controlFileSaveInterval = configuration.controlFileSaveInterval
        queueLimits.count = configuration.walQueueMessages
        queueLimits.bytes = configuration.walQueueBytes
        keepsWALUntilOffloaded = !configuration.disableWALBackup
        walTailCapacity = configuration.walTailBytes
        fanOutLimits = FanOutLimits(
            queuedMessages: configuration.shardQueueMessages,
            queuedBytes: configuration.shardQueueBytes,
            grace: configuration.shardGracePeriod,
            reach: UInt64(configuration.maxDeltaForFanout),
            senders: configuration.maxShardReceivers
        )
    }
}

extension PortLimits {
    /// The limits of the ports for WAL.
    package init(_ configuration: SafekeeperConfiguration) {
        self.init()
        maximumConnections = configuration.maxConnections
        // A sender goes on once a quarter of what made it wait is left.
        writeWaterMark = .init(low: configuration.sendBufferBytes / 4, high: configuration.sendBufferBytes)
    }
}
