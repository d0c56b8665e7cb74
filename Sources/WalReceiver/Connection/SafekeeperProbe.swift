internal import PostgresClient
internal import PostgresWAL

/// Asks the safekeepers of a list, again and again, how far they have a timeline: what a broker would tell.
///
/// Each is asked on a connection of its own, which does not outlive the answer. One probe serves all shards of a timeline.
public struct SafekeeperProbe: Sendable {
    private let safekeepers: [Safekeeper]
    private let target: ReceiverTarget
    private let configuration: ReceiverConfiguration
    private let period: Duration

    /// Makes a probe.
    ///
    /// - Parameters:
    ///   - safekeepers: who is asked.
    ///   - target: a shard of the timeline.
    ///   - configuration: how to connect.
    ///   - period: the time between two rounds; nil for half of the time after which news is old.
    public init(
        _ safekeepers: [Safekeeper],
        _ target: ReceiverTarget,
        configuration: ReceiverConfiguration = ReceiverConfiguration(),
        period: Duration? = nil
    ) {
        self.safekeepers = safekeepers
        self.target = target
        self.configuration = configuration
        self.period = period ?? configuration.manager.laggingTimeout / 2
    }

    /// Asks until the task is cancelled.
    ///
    /// - Parameter announce: is given each answer.
    public func run(announce: @escaping @Sendable (SafekeeperNews) -> Void) async {
        while !Task.isCancelled {
            let start = Moment.now.uptime
            await withTaskGroup(of: Void.self) { group in
                for safekeeper in safekeepers {
                    group.addTask {
                        guard let news = await ask(safekeeper) else { return }
                        announce(news)
                    }
                }
            }
            await Moment.sleep(until: start + period)
        }
    }

    /// Asks one; nil if it doesn't answer, or doesn't know the timeline.
    public func ask(_ safekeeper: Safekeeper) async -> SafekeeperNews? {
        guard let connection = try? await SafekeeperConnection.connect(to: safekeeper, target, configuration) else {
            return nil
        }
        defer { connection.close() }
        let timeout = configuration.manager.connectTimeout
        guard let answer = try? await connection.query("IDENTIFY_SYSTEM", timeout: timeout),
            let system = SystemIdentification(answer)
        else { return nil }
        return SafekeeperNews(safekeeper: safekeeper, commitLSN: system.commitLSN)
    }
}
