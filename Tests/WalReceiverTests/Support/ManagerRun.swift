import PostgresWAL
import ReplicationProtocol
import ShardIdentity
import WalReceiver

func sk(_ number: UInt64, zone: String? = nil) -> Safekeeper {
    Safekeeper(number: SafekeeperNumber(number), host: "sk\(number)", port: 5454, availabilityZone: zone)
}

/// A manager and the time, under a test's control.
struct ManagerRun {
    var manager: ConnectionManager
    var seconds = 0.0
    var lastRecord = LSN(0x10)
    var hasWaiters = false
    private var status: StatusDriver?

    init(_ settings: ManagerSettings = ManagerSettings()) {
        manager = ConnectionManager(settings: settings)
    }

    var context: ConnectionManager.Context {
        ConnectionManager.Context(now: moment(seconds), lastRecordLSN: lastRecord, hasWaiters: hasWaiters)
    }

    mutating func handle(_ event: ConnectionManager.Event) -> [ConnectionManager.Action] {
        let actions = manager.handle(event, context)
        for case .connect(_) in actions { status = StatusDriver(at: moment(seconds)) }
        return actions
    }

    @discardableResult
    mutating func news(_ number: UInt64, commit: LSN, zone: String? = nil) -> [ConnectionManager.Action] {
        handle(.news(SafekeeperNews(safekeeper: sk(number, zone: zone), commitLSN: commit)))
    }

    /// Changes what the connection has seen, and tells.
    @discardableResult
    mutating func status(_ change: (inout StatusDriver) -> Void) -> [ConnectionManager.Action] {
        guard var driver = status, let number = manager.connection?.attempt.number else { return [] }
        driver.now = moment(seconds)
        change(&driver)
        status = driver
        return handle(.status(driver.status, attempt: number))
    }

    /// Connects, with a login and a first sign of life.
    mutating func connect(to number: UInt64, commit: LSN, zone: String? = nil) {
        news(number, commit: commit, zone: zone)
        status {
            $0.connect()
            $0.hear(commit: commit)
        }
    }
}

extension [ConnectionManager.Action] {
    /// Who is connected to.
    var connects: [UInt64] {
        compactMap { action in
            if case .connect(let attempt) = action { attempt.safekeeper.number.rawValue } else { nil }
        }
    }
}

/// Makes a status as sessions do: by a session.
struct StatusDriver {
    var now: Moment
    private var session: ReceiverSession
    private var positions = SinkPositions(lastRecord: LSN(0x800))
    private var isConnected = false

    init(at now: Moment) {
        self.now = now
        session = ReceiverSession(
            target(),
            selection: interpreted,
            requiresBatchStart: false,
            context: ReceiverSession.Context(now: now, positions: positions)
        )
    }

    var status: ConnectionStatus { session.status }

    private mutating func handle(_ event: SessionEvent) {
        _ = session.handle(event, ReceiverSession.Context(now: now, positions: positions))
    }

    mutating func connect() {
        guard !isConnected else { return }
        isConnected = true
        handle(.loggedIn)
        handle(.identified(SystemIdentification(systemID: 1, timeline: 1, commitLSN: LSN(0x800))))
        handle(.streaming)
    }

    mutating func hear(commit: LSN) {
        handle(.message(.keepAlive(KeepAlive(walEnd: commit, time: .epoch, replyRequested: false)), payload: 0))
    }

    mutating func stream(to streaming: LSN, commit: LSN) {
        let header = InterpretedRecordsHeader(streaming: streaming, commit: commit)
        handle(.message(.interpretedRecords(header), payload: 1))
        handle(.decoded(BatchFacts(rawStart: nil, nextRecord: positions.lastRecord, recordCount: 0)))
        handle(.ingested)
    }

    mutating func processWAL() {
        positions.lastRecord += 8
        stream(to: status.streamingLSN ?? positions.lastRecord, commit: status.commitLSN ?? positions.lastRecord)
    }

    mutating func pause() {
        let header = InterpretedRecordsHeader(streaming: LSN(0x900), commit: LSN(0x900))
        handle(.message(.interpretedRecords(header), payload: 1))
        handle(.decoded(BatchFacts(rawStart: nil, nextRecord: LSN(0x900), recordCount: 1)))
        handle(.ingestFailed(WALSinkError(.full, "")))
    }
}
