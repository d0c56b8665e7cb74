package import PostgresWAL
package import ReplicationProtocol
package import ShardIdentity

/// What the shards of a timeline have said about their progress, and how far WAL is no longer needed by any of them.
///
/// That is the minimum over *all* shards of the current layout, a shard that hasn't spoken counting as zero: one shard
/// that has everything says nothing about the others.
///
/// A layout is a shard count with a stripe size. Those with a connection are current: around a split there may be two,
/// and then both count. A layout whose last connection has gone while another one has some is forgotten: it was split, or
/// the split was called off. With no connection at all the last layouts stay. Shard numbers that a layout doesn't have
/// can't be named.
///
/// A shard with several connections counts by the one that is furthest behind: each may have a store of its own.
///
/// Receivers of raw WAL name no layout, but a number with their feedback. Those numbers make a layout of their own, which
/// has the shards that were heard of.
///
/// Source: `replication-protocol.md` §4.4, `safekeeper-core.md` §4.6.
package struct ShardProgress: Sendable {
    /// Shards that belong together.
    package enum Layout: Hashable, Sendable {
        /// Named by count and stripe size.
        case shards(ShardCount, ShardStripeSize)
        /// Heard of only in feedback of receivers of raw WAL.
        case unnamed
    }

    /// A receiver of WAL that gives feedback.
    private struct Connection: Sendable {
        var layout: Layout
        /// The shard's number; nil until feedback has named it.
        var number: UInt32?
        var feedback: PageserverFeedback?
    }

    /// What is known of a layout; kept when its connections have gone and no others come.
    private struct Knowledge: Sendable {
        /// The last known feedback of each shard.
        var feedback: [UInt32: PageserverFeedback] = [:]
    }

    private var connections: [SenderKey: Connection] = [:]
    private var layouts: [Layout: Knowledge] = [:]
    /// Whether some shard has reported that its data is corrupt; never taken back.
    package private(set) var corruptionDetected = false
    /// The feedback that came last, of whichever shard.
    package private(set) var last: PageserverFeedback?
    /// How many messages of feedback have come.
    package private(set) var count: UInt64 = 0

    /// A timeline that no shard has spoken about.
    package init() {}

    /// A connection's name here.
    package struct SenderKey: Hashable, Sendable {
        package let rawValue: UInt64

        package init(_ rawValue: UInt64) { self.rawValue = rawValue }
    }
}

// MARK: - Events

extension ShardProgress {
    /// A shard has connected; `shard` is nil for a receiver of raw WAL.
    package mutating func attached(_ key: SenderKey, shard: ShardIdentity?) {
        let layout = shard.map { Layout.shards($0.count, $0.stripeSize) } ?? .unnamed
        connections[key] = Connection(layout: layout, number: shard.map { UInt32($0.number.rawValue) })
        // A receiver of raw WAL may be a standby: it counts once it gives feedback of a shard.
        if shard != nil { makeCurrent(layout) }
    }

    /// A connection has gone.
    package mutating func detached(_ key: SenderKey) {
        guard let gone = connections.removeValue(forKey: key) else { return }
        forgetOldLayouts()
        if let number = gone.number { remember(number, of: gone.layout) }
    }

    /// A shard has told how far it is; nothing happens if it isn't connected.
    ///
    /// What is kept of a shard beyond its connections changes with its remote consistency only.
    ///
    /// The shard that the connection was made for counts, not the number in the feedback.
    ///
    /// - Returns: whether that may change ``remoteConsistent``.
    @discardableResult
    package mutating func received(_ feedback: PageserverFeedback, from key: SenderKey) -> Bool {
        guard var connection = connections[key] else { return false }
        let number = connection.layout == .unnamed ? min(feedback.shardNumber, 255) : connection.number ?? 0
        let known = connection.number == number ? connection.feedback : nil
        connection.number = number
        connection.feedback = feedback
        connections[key] = connection
        count &+= 1
        last = feedback
        corruptionDetected = corruptionDetected || feedback.corruptionDetected
        // Shards speak after each message, and mostly of nothing that matters here.
        if let known, known.remoteConsistent == feedback.remoteConsistent { return false }
        if layouts[connection.layout] == nil { makeCurrent(connection.layout) }
        remember(number, of: connection.layout)
        return true
    }

    private mutating func makeCurrent(_ layout: Layout) {
        if layouts[layout] == nil { layouts[layout] = Knowledge() }
        forgetOldLayouts()
    }

    /// Forgets layouts without a connection, if there is one with.
    private mutating func forgetOldLayouts() {
        var current: Set<Layout> = []
        for connection in connections.values where connection.number != nil { current.insert(connection.layout) }
        guard !current.isEmpty else { return }
        layouts = layouts.filter { current.contains($0.key) }
    }

    /// Works out what is known of a shard from those of its connections that have spoken; what was known stays if none has.
    private mutating func remember(_ number: UInt32, of layout: Layout) {
        let heard = connections.values.filter { $0.layout == layout && $0.number == number }.compactMap(\.feedback)
        guard let slowest = heard.min(by: { $0.remoteConsistent < $1.remoteConsistent }) else { return }
        layouts[layout]?.feedback[number] = slowest
    }
}

// MARK: - What follows

extension ShardProgress {
    /// Up to where all shards of all current layouts have WAL durably and visibly elsewhere; nil while no layout is known,
    /// zero while a shard has not said.
    package var remoteConsistent: LSN? {
        layouts.keys.map { horizon(of: $0) }.min()
    }

    private func horizon(of layout: Layout) -> LSN {
        let feedback = layouts[layout]?.feedback ?? [:]
        switch layout {
        case .shards(let count, _) where feedback.count < count.effective: return .invalid
        case .shards, .unnamed: return feedback.values.map(\.remoteConsistent).min() ?? .invalid
        }
    }

    /// What a connection has said last; nil before it has.
    package func feedback(of key: SenderKey) -> PageserverFeedback? { connections[key]?.feedback }

    /// What a connection has last said about its remote consistency; zero before it has.
    package func remoteConsistent(of key: SenderKey) -> LSN { feedback(of: key)?.remoteConsistent ?? .invalid }

    /// A shard of a current layout, for the status.
    package struct ShardStatus: Hashable, Sendable {
        package var layout: Layout
        package var number: UInt32
        /// How many connections it has.
        package var connections: Int
        /// What it has said; nil if nothing.
        package var feedback: PageserverFeedback?
    }

    /// All shards of the current layouts, also those that have not been heard of, in order.
    package var status: [ShardStatus] {
        layouts.flatMap { layout, knowledge in
            let numbers: [UInt32] =
                switch layout {
                case .shards(let count, _): Array(0..<UInt32(count.effective))
                case .unnamed: knowledge.feedback.keys.sorted()
                }
            return numbers.map { number in
                ShardStatus(
                    layout: layout,
                    number: number,
                    connections: connections.values.count { $0.layout == layout && $0.number == number },
                    feedback: knowledge.feedback[number]
                )
            }
        }.sorted { ($0.layout.order, $0.number) < ($1.layout.order, $1.number) }
    }
}

extension ShardProgress.Layout {
    /// Few shards first, those without a name before all.
    fileprivate var order: Int {
        switch self {
        case .shards(let count, let stripe): (Int(count.rawValue) + 1) << 32 | Int(stripe.pages)
        case .unnamed: 0
        }
    }
}
