import Glibc
import PostgresWAL
import WalProposer

/// Shows how a push stands: in one line that stays in place on a terminal, else in a new line now and then.
struct PushStatusPrinter {
    private let push: WALPush
    private let isTerminal = isatty(STDOUT_FILENO) == 1

    /// How often the line on a terminal changes, and how long plain lines wait while nothing of note changes.
    private static let refresh = Duration.milliseconds(500)
    private static let pause = Duration.seconds(10)

    init(_ push: WALPush) {
        self.push = push
    }

    /// Shows the status until the task is cancelled.
    func run() async {
        var lastShown: ContinuousClock.Instant?
        var lastState = ""
        var (lastBytes, lastTime) = (UInt64(0), ContinuousClock.now)
        while !Task.isCancelled {
            let (status, now) = (await push.status, ContinuousClock.now)
            let state = Self.state(of: status)
            let isDue = lastShown.map { now - $0 >= Self.pause } ?? true
            if isTerminal || isDue || state != lastState {
                let seconds = max((now - lastTime) / .seconds(1), 0.001)
                let rate = Double(status.receivedBytes - lastBytes) / seconds / 1e6
                write(Self.line(status, rate: rate))
                (lastShown, lastState, lastBytes, lastTime) = (now, state, status.receivedBytes, now)
            }
            try? await Task.sleep(for: Self.refresh)
        }
        // The last line stays.
        if isTerminal { write(Self.line(await push.status, rate: 0), isLast: true) }
    }

    private func write(_ line: String, isLast: Bool = false) {
        // A line that wraps would not stay in place.
        let text = isTerminal ? "\r\u{1B}[K\(line.prefix(Self.terminalWidth() - 1))" : line
        var bytes = Array((text + (isTerminal && !isLast ? "" : "\n")).utf8)[...]
        // Whoever reads this may be gone; WAL is pushed all the same.
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }

    private static func terminalWidth() -> Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 1 else { return 80 }
        return Int(size.ws_col)
    }

    /// What is of note: who is there and who leads.
    static func state(of status: WALPushStatus) -> String {
        let members = status.proposer?.members.map { $0.phase == .streaming ? "" : $0.problem ?? "away" } ?? []
        return "\(status.isSourceConnected) \(status.sourceProblem ?? "") \(status.electionCount) \(members)"
    }

    /// One line of status.
    static func line(_ status: WALPushStatus, rate: Double) -> String {
        var parts: [String] = []
        if let proposer = status.proposer {
            switch proposer.phase {
            case .collectingTerms, .campaigning: parts.append("waiting for a quorum of safekeepers")
            case .elected:
                let behind = status.serverEnd.distance(from: status.commit) ?? 0
                parts.append("\(status.commit) durable, \(size(behind)) behind the server")
                parts.append("\(tenths(rate)) MB/s")
                parts.append("term \(proposer.term)")
                if !proposer.hasQuorum { parts.append("NO QUORUM") }
            case .stopped: parts.append("stopped")
            }
            parts += proposer.members.map { describe($0, serverEnd: status.serverEnd) }
        } else {
            parts.append(status.lastLoss.map { "\($0); trying again" } ?? "connecting")
        }
        if let problem = status.sourceProblem { parts.append("server: \(problem)") }
        return parts.joined(separator: "  ")
    }

    private static func describe(_ member: WalProposer.ProposerStatus.Member, serverEnd: LSN) -> String {
        guard member.phase == .streaming else {
            return "[\(member.address) \(member.phase)\(member.problem.map { ": \($0)" } ?? "")]"
        }
        let lag = serverEnd.distance(from: member.flush) ?? 0
        return "[\(member.address) \(lag == 0 ? "up to date" : "-\(size(lag))")]"
    }

    private static func tenths(_ value: Double) -> String {
        let tenths = Int(value * 10 + 0.5)
        return "\(tenths / 10).\(tenths % 10)"
    }

    /// A number of bytes, in the largest unit of which there is one.
    private static func size(_ bytes: UInt64) -> String {
        switch bytes {
        case 0..<1_000: "\(bytes) B"
        case 1_000..<1_000_000: "\(tenths(Double(bytes) / 1e3)) kB"
        case 1_000_000..<1_000_000_000: "\(tenths(Double(bytes) / 1e6)) MB"
        default: "\(tenths(Double(bytes) / 1e9)) GB"
        }
    }
}
