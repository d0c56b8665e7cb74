import Glibc
import NIOCore
import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import StorageSimulation
import TestFixtures

extension Simulation {
    /// A message has come, and is processed soon, with what comes until then.
    func receive(_ bytes: [UInt8], over link: Int) throws {
        guard nodes[links[link].node].isUp, links[link].isOpenAtNode else { return }
        if cut.contains([links[link].proposer, links[link].node]) { return close(link, "cut off") }
        if links[link].waiting.isEmpty { schedule(.process(link: link), after: busyTime) }
        links[link].waiting.append(try MessageQueue.Element(decoding: ByteBuffer(bytes: bytes), version: .v3))
    }

    /// The node gets to what waits of a connection, all of it.
    func process(_ link: Int) throws {
        let node = nodes[links[link].node]
        do {
            while node.isUp, !links[link].waiting.isEmpty {
                if case .append = links[link].waiting[0].message, !links[link].isDirty {
                    links[link].isDirty = true
                    schedule(.flush(link: link), within: 12)
                }
                let reply = try node.process(&links[link].waiting, from: links[link].proposer)
                if let reply, links[link].isOpenAtNode { answer(reply, over: link) }
            }
        } catch let error as AcceptorError {
            failed(link, "\(error)")
        }
    }

    func flush(_ link: Int) throws {
        let node = nodes[links[link].node]
        guard node.isUp, links[link].isDirty else { return }
        links[link].isDirty = false
        do {
            if let reply = try node.flush(), links[link].isOpenAtNode { answer(reply, over: link) }
        } catch let error as AcceptorError {
            failed(link, "\(error)")
        }
    }

    /// A message was refused, or the disk failed, or the node died on the way.
    private func failed(_ link: Int, _ reason: String) {
        let index = links[link].node
        log("node \(index + 1): \(reason)")
        if !stopIfCrashed(index) { close(link, reason) }
    }

    /// Ends a node that has crashed inside a file operation.
    func stopIfCrashed(_ index: Int) -> Bool {
        guard nodes[index].disk.isCrashed else { return false }
        stop(index)
        return true
    }

    func stop(_ index: Int) {
        log("node \(index + 1) is down")
        nodes[index].stop()
        for link in links.indices where links[link].node == index {
            // Also of connections that the proposer has closed.
            links[link].waiting = []
            if links[link].isOpenAtNode { close(link, "down") }
        }
        schedule(.restart(node: index), within: isHealed ? 50 : 600)
    }

    func crash() {
        if isHealed { return }
        schedule(.crash, within: 300)
        guard let index = nodes.indices.randomElement(using: &random), nodes[index].isUp else { return }
        let disk = nodes[index].disk
        if random.chance(1, in: 3) {
            stop(index)
        } else {
            // Inside one of the next operations.
            disk.crashOperation = disk.operationCount + Int.random(in: 0..<40, using: &random)
        }
    }

    func restart(_ index: Int) throws {
        guard nodes[index].exists, !nodes[index].isUp else { return }
        try start(index, after: random.chance(2, in: 3) ? .powerLoss : .kill)
    }

    /// Starts a node; where its disk fails, it is tried again later.
    func start(_ index: Int, after kind: SimulatedFileSystem.Crash) throws {
        log("node \(index + 1) starts after a \(kind)")
        if !isHealed && random.chance(1, in: 4) { nodes[index].spoilsStart = Int.random(in: 0..<12, using: &random) }
        do {
            try nodes[index].restart(after: kind)
        } catch let error as TimelineStateError {
            try require(!isHealed && error.isOfDisk, "node \(index + 1) can't be started: \(error)")
            log("node \(index + 1) can't be started: \(error)")
            return schedule(.restart(node: index), within: 100)
        }
        try judge.check(nodes[index])
    }

    // MARK: Disks

    /// Some of the next operations of a node's disk fail, or it has little space left for a while.
    func spoilDisk() {
        if isHealed { return }
        schedule(.spoilDisk, within: 500)
        guard let index = nodes.indices.randomElement(using: &random), nodes[index].isUp else { return }
        let disk = nodes[index].disk
        spoiledCount += 1
        if random.chance(1, in: 3) {
            disk.freeSectors = Int.random(in: 0..<300, using: &random)
            log("node \(index + 1) has \(disk.freeSectors) sectors left")
            schedule(.freeDisk(node: index), within: 800)
        } else {
            let fault = SimulatedFileSystem.Fault(
                operation: disk.operationCount + Int.random(in: 0..<20, using: &random),
                count: Int.random(in: 1...3, using: &random),
                code: EIO
            )
            disk.fault = fault
            log("node \(index + 1) fails in \(fault.count) operations from \(fault.operation) on")
        }
    }

    func freeDisk(_ index: Int) {
        nodes[index].disk.freeSectors = .max
    }
}

extension TimelineStateError {
    /// Whether it may pass by itself.
    fileprivate var isOfDisk: Bool {
        switch self {
        case .controlFile(.storage), .wal(.storage): true
        default: false
        }
    }
}
