import Foundation
import SafekeeperHarness
import ShardIdentity
import Synchronization
import Testing

/// Makes and deletes timelines through the management API, and remembers what the safekeeper said of them.
final class TimelineChurn: Sendable {
    private struct State {
        var next: UInt128 = 0xC000
        var created: Set<TimelineID> = []
        var deleted: Set<TimelineID> = []
        /// A call was cut off: either may be.
        var unknown: Set<TimelineID> = []
    }

    private let tenant = TenantID(bits: 0xA1)
    private let state = Mutex(State())

    /// Timelines whose creation was acknowledged, and whose deletion was not asked for.
    var created: Set<TimelineID> { state.withLock { $0.created } }
    /// Timelines whose deletion was acknowledged.
    var deleted: Set<TimelineID> { state.withLock { $0.deleted } }

    /// Works until a call fails, or `deadline`.
    func run(httpPort: UInt16, until deadline: ContinuousClock.Instant) async {
        while ContinuousClock.now < deadline {
            let id = state.withLock { state in
                state.next += 1
                state.unknown.insert(TimelineID(bits: state.next))
                return TimelineID(bits: state.next)
            }
            guard await call("POST", "/v1/tenant/timeline", httpPort, body: creation(of: id)) == 200 else { return }
            state.withLock { state in
                state.unknown.remove(id)
                state.created.insert(id)
            }
            guard id.bits.isMultiple(of: 2) else { continue }
            state.withLock { state in
                state.created.remove(id)
                state.unknown.insert(id)
            }
            guard await call("DELETE", "/v1/tenant/\(tenant)/timeline/\(id)", httpPort) == 200 else { return }
            state.withLock { state in
                state.unknown.remove(id)
                state.deleted.insert(id)
            }
        }
    }

    private func creation(of id: TimelineID) -> String {
        """
        {"tenant_id":"\(tenant)","timeline_id":"\(id)","mconf":{"generation":0,"members":[],"new_members":null},\
        "pg_version":160002,"system_id":1,"wal_seg_size":1048576,"start_lsn":"0/200028"}
        """
    }

    private func call(_ method: String, _ path: String, _ port: UInt16, body: String? = nil) async -> Int? {
        try? await SafekeeperProcess.call(method, path, httpPort: port, body: body).status
    }

    /// What was acknowledged must be so on a safekeeper that was started again.
    func check(_ safekeeper: SafekeeperProcess) async throws {
        let (created, deleted, unknown) = state.withLock { ($0.created, $0.deleted, $0.unknown) }
        for id in created {
            let answer = try await safekeeper.call("GET", "/v1/tenant/\(tenant)/timeline/\(id)")
            #expect(answer.status == 200, "timeline \(id) was made and is gone: \(answer.body)")
        }
        for id in deleted {
            let answer = try await safekeeper.call("GET", "/v1/tenant/\(tenant)/timeline/\(id)")
            #expect(answer.status == 404, "timeline \(id) was deleted and is there")
            let again = try await safekeeper.call("POST", "/v1/tenant/timeline", body: creation(of: id))
            #expect(again.status != 200, "timeline \(id) was deleted and could be made again")
        }
        let answer = try await safekeeper.call("GET", "/v1/tenant/timeline")
        let listed = answer.body.components(separatedBy: "\"timeline_id\":\"").dropFirst().compactMap {
            TimelineID(String($0.prefix(32)))
        }
        let others = Set(listed).subtracting(created).subtracting(unknown).filter { $0.bits >= 0xC000 }
        #expect(others.isEmpty, "timelines that nobody made: \(others)")
    }
}
