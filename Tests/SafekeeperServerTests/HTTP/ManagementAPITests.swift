import ReplicationProtocol
import SafekeeperHarness
import SafekeeperServer
import Telemetry
import TestFixtures
import Testing

/// Names and bodies that the tests of the management API share.
enum ManagementSample {
    static let tenant = "00112233445566778899aabbccddeeff"
    static let timeline = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
    static let path = "/v1/tenant/\(tenant)/timeline/\(timeline)"

    /// A configuration with safekeepers of these numbers.
    static func configuration(_ generation: Int, _ members: Int...) -> String {
        let list = members.map { #"{"id":\#($0),"host":"sk\#($0)","pg_port":5454}"# }.joined(separator: ",")
        return #"{"generation":\#(generation),"members":[\#(list)],"new_members":null}"#
    }

    /// A request for a timeline.
    static func creation(
        tenant: String = tenant,
        timeline: String = timeline,
        configuration: String = configuration(1, 7),
        _ more: String = #""start_lsn":"0/14EE150""#
    ) -> String {
        """
        {"tenant_id":"\(tenant)","timeline_id":"\(timeline)","mconf":\(configuration),"pg_version":150008,\
        "system_id":18446744073709551615,"unknown":[1.5,{"a":true}],\(more)}
        """
    }
}

@Suite("Management API")
struct ManagementAPITests {
    @Test func aTimelineFromCreationToDeletion() async throws {
        let folder = try TemporaryFolder()
        try await RunningSafekeeper.with(RunningSafekeeper.configuration(folder)) { running in
            let http = running.http
            #expect(try await http("GET", "/v1/status", "null").body == #"{"id":7}"#)
            #expect(try await http("GET", "/v1/tenant/timeline").body == "[]")
            #expect(try await http("GET", "/v1/utilization").body == #"{"timeline_count":0}"#)
            let missing = try await http("GET", ManagementSample.path)
            #expect(missing.status == 404)
            #expect(
                missing.body
                    == #"{"msg":"NotFound: timeline \#(ManagementSample.tenant)/\#(ManagementSample.timeline) not found"}"#
            )

            let created = try await http("POST", "/v1/tenant/timeline", ManagementSample.creation())
            #expect(created.status == 200 && created.body == "null", "\(created.body)")
            #expect(created.headers["content-type"] == "application/json")
            let status = try await http("GET", ManagementSample.path, "null")
            #expect(
                status.body == """
                    {"tenant_id":"\(ManagementSample.tenant)","timeline_id":"\(ManagementSample.timeline)",\
                    "mconf":\(ManagementSample.configuration(1, 7)),\
                    "acceptor_state":{"term":0,"epoch":0,"term_history":[{"term":0,"lsn":"0/14EE150"}]},\
                    "pg_info":{"pg_version":150008,"system_id":18446744073709551615,"wal_seg_size":16777216},\
                    "flush_lsn":"0/14EE150","timeline_start_lsn":"0/14EE150","local_start_lsn":"0/14EE150",\
                    "commit_lsn":"0/14EE150","backup_lsn":"0/14EE150","peer_horizon_lsn":"0/14EE150",\
                    "remote_consistent_lsn":"0/0","peers":[],"walsenders":[],"walreceivers":[],"shards":[]}
                    """
            )
            let parsed = try JSONValue(parsing: status.body)
            #expect(parsed.text == status.body, "what is read is what was written")
            #expect(try await http("GET", "/v1/utilization").body == #"{"timeline_count":1}"#)
            let again = try await http(
                "POST",
                "/v1/tenant/timeline",
                ManagementSample.creation(configuration: ManagementSample.configuration(5, 7, 8))
            )
            #expect(again.status == 200)
            #expect(try await http("GET", ManagementSample.path).body == status.body, "the membership is not switched")
            #expect(
                try await http("GET", "/v1/tenant/timeline").body
                    == #"[{"tenant_id":"\#(ManagementSample.tenant)","timeline_id":"\#(ManagementSample.timeline)"}]"#
            )

            #expect(try await http("DELETE", ManagementSample.path).body == #"{"dir_existed":true}"#)
            #expect(
                try await http("DELETE", ManagementSample.path + "?only_local=true").body == #"{"dir_existed":false}"#
            )
            let deleted = try await http("GET", ManagementSample.path)
            #expect(deleted.status == 404)
            #expect(
                deleted.body
                    == #"{"msg":"NotFound: timeline \#(ManagementSample.tenant)/\#(ManagementSample.timeline) deleted"}"#
            )
            let recreated = try await http("POST", "/v1/tenant/timeline", ManagementSample.creation())
            #expect(recreated.status == 500)
            #expect(
                recreated.body
                    == #"{"msg":"Timeline \#(ManagementSample.tenant)/\#(ManagementSample.timeline) has been deleted"}"#
            )
        }
    }

    @Test func termsAndMemberships() async throws {
        let folder = try TemporaryFolder()
        try await RunningSafekeeper.with(RunningSafekeeper.configuration(folder)) { running in
            let http = running.http
            _ = try await http("POST", "/v1/tenant/timeline", ManagementSample.creation())
            func bump(_ body: String) async throws -> String {
                try await http("POST", ManagementSample.path + "/term_bump", body).body
            }
            #expect(try await bump("{}") == #"{"previous_term":0,"current_term":1}"#)
            #expect(try await bump(#"{"term":null}"#) == #"{"previous_term":1,"current_term":2}"#)
            #expect(try await bump(#"{"term":9}"#) == #"{"previous_term":2,"current_term":9}"#)
            #expect(try await bump(#"{"term":3} trailing"#) == #"{"previous_term":9,"current_term":9}"#)

            func switched(_ body: String) async throws -> HTTPAnswer {
                try await http("PUT", ManagementSample.path + "/membership", body)
            }
            let joint = ManagementSample.configuration(2, 7).replacing(
                "null",
                with: #"[{"id":8,"host":"sk8","pg_port":1}]"#
            )
            let answer = try await switched(joint)
            #expect(answer.status == 200)
            #expect(
                answer.body == """
                    {"previous_conf":\(ManagementSample.configuration(1, 7)),"current_conf":\(joint),\
                    "last_log_term":0,"flush_lsn":"0/14EE150"}
                    """
            )
            #expect(try await switched(ManagementSample.configuration(2, 7)).status == 200, "the same generation again")
            let late = try await switched(ManagementSample.configuration(1, 7))
            #expect(late.status == 409)
            #expect(late.body == #"{"msg":"Conflict: request to switch into 1 ignored, current generation 2"}"#)
            let foreign = try await switched(ManagementSample.configuration(3, 8))
            #expect(foreign.status == 403)
            #expect(
                foreign.body == #"{"msg":"Forbidden: refused to switch into gen=3, members=([id=8, ep=sk8:5454]), "#
                    + #"new_members=none, node 7 is not a member of it"}"#
            )

            func excluded(_ body: String) async throws -> HTTPAnswer {
                try await http("PUT", ManagementSample.path + "/exclude", body)
            }
            let member = try await excluded(ManagementSample.configuration(3, 7))
            #expect(member.status == 403 && member.body.contains("node 7 is member of it"))
            #expect(try await excluded(ManagementSample.configuration(1, 8)).status == 409)
            #expect(try await excluded(ManagementSample.configuration(4, 8)).body == #"{"dir_existed":true}"#)
            #expect(try await excluded(ManagementSample.configuration(4, 8)).body == #"{"dir_existed":false}"#)
            let old = try await http(
                "POST",
                "/v1/tenant/timeline",
                ManagementSample.creation(configuration: ManagementSample.configuration(4, 7))
            )
            #expect(old.status == 500, "no newer than the exclusion")
            let new = try await http(
                "POST",
                "/v1/tenant/timeline",
                ManagementSample.creation(configuration: ManagementSample.configuration(5, 7))
            )
            #expect(new.status == 200)
            #expect(try await http("POST", ManagementSample.path + "/checkpoint").body == "null")
            #expect(
                try await http("DELETE", "/v1/tenant/\(ManagementSample.tenant)").body
                    == #"{"\#(ManagementSample.timeline)":{"dir_existed":true}}"#
            )
            #expect(try await http("GET", "/v1/tenant/timeline").body == "[]")
        }
    }

    /// Method, target, body, status, and a part of the answer.
    private static let table: [(String, String, String?, Int, String)] = [
        ("GET", "/v1/status/", nil, 200, #"{"id":7}"#),
        ("GET", "/v1/st%61tus", nil, 200, #"{"id":7}"#),
        ("GET", "/v1/status?x=%zz", nil, 200, #"{"id":7}"#),
        ("GET", "//v1/status", nil, 404, "Not Found"),
        ("GET", "/v1/status//", nil, 404, "Not Found"),
        ("GET", "/v1/%zz", nil, 404, "Not Found"),
        ("GET", "/v1/%FF", nil, 404, "Not Found"),
        ("GET", "/", nil, 404, "Not Found"),
        ("POST", "/v1/status", "{}", 404, "Not Found"),
        ("PATCH", ManagementSample.path, "{}", 404, "Not Found"),
        ("PUT", ManagementSample.path + "/term_bump", "{}", 404, "Not Found"),
        ("OPTIONS", "/whatever", nil, 204, ""),
        ("GET", "/metrics?use_latest=true", nil, 200, "safekeeper_timelines 0"),
        ("GET", "/metrics?use_latest=1", nil, 400, #"\"cannot parse query param use_latest"#),
        (
            "GET", "/v1/tenant/zz/timeline/\(ManagementSample.timeline)", nil, 400,
            #"{"msg":"\"failed to parse tenant_id\""}"#
        ),
        (
            "GET", "/v1/tenant/\(ManagementSample.tenant)/timeline/0", nil, 400,
            #"{"msg":"\"failed to parse timeline_id\""}"#
        ),
        ("DELETE", "/v1/tenant/timeline", nil, 400, "failed to parse tenant_id"),
        ("DELETE", ManagementSample.path, "x", 400, #"\"Unexpected request body\""#),
        ("DELETE", ManagementSample.path + "?only_local=1", nil, 400, "cannot parse query param only_local"),
        (
            "DELETE", ManagementSample.path + "?only_local=true&only_local=false", nil, 400,
            "param only_local specified more than once"
        ),
        ("POST", "/v1/tenant/timeline", nil, 400, #"\"missing request body\""#),
        ("POST", "/v1/tenant/timeline", "", 400, #"\"missing request body\""#),
        ("POST", "/v1/tenant/timeline", "[]", 400, "Failed to parse json request: expected an object"),
        ("POST", "/v1/tenant/timeline", "{", 400, "Failed to parse json request: expected"),
        ("POST", "/v1/tenant/timeline", "{}", 400, "missing field `tenant_id`"),
        ("POST", "/v1/tenant/timeline", String(repeating: " ", count: 1 << 20 + 1), 413, "longer than 1048576 bytes"),
        (
            "POST", "/v1/tenant/timeline", ManagementSample.creation(tenant: "[1]"), 400,
            "tenant_id: expected 32 hexadecimal digits"
        ),
        (
            "POST", "/v1/tenant/timeline",
            ManagementSample.creation(configuration: #"{"generation":1,"members":[{"id":-1}]}"#),
            400,
            "mconf.members[0].id: expected a whole number from 0 to 18446744073709551615"
        ),
        (
            "POST", "/v1/tenant/timeline",
            ManagementSample.creation(configuration: ManagementSample.configuration(1, 7, 7)), 400,
            "mconf.members: duplicate member 7"
        ),
        (
            "POST", "/v1/tenant/timeline", ManagementSample.creation(#""start_lsn":22"#), 400,
            "start_lsn: expected a string"
        ),
        (
            "POST", "/v1/tenant/timeline", ManagementSample.creation(#""start_lsn":"0-22""#), 400,
            "start_lsn: expected an LSN"
        ),
        (
            "POST", "/v1/tenant/timeline", ManagementSample.creation(#""start_lsn":"0/20","commit_lsn":"0/10""#), 500,
            "commit_lsn 0/10 is smaller than start_lsn 0/20"
        ),
        (
            "POST", "/v1/tenant/timeline", ManagementSample.creation(#""start_lsn":"0/20","wal_seg_size":0"#), 500,
            "is not initialized, wal_seg_size is zero"
        ),
        (
            "POST", "/v1/tenant/timeline",
            ManagementSample.creation(#""start_lsn":"0/20""#).replacing("150008", with: "0"), 500,
            "is not initialized, pg_version is unknown"
        ),
        ("PUT", ManagementSample.path + "/membership", nil, 400, "missing request body"),
        ("PUT", ManagementSample.path + "/membership", ManagementSample.configuration(1, 7), 404, "NotFound: timeline"),
        (
            "PUT", ManagementSample.path + "/exclude", ManagementSample.configuration(1, 7), 403,
            "Forbidden: refused to exclude"
        ),
        ("POST", ManagementSample.path + "/term_bump", nil, 400, "missing request body"),
        ("POST", ManagementSample.path + "/term_bump", #"{"term":-1}"#, 400, "term: expected a whole number"),
        ("POST", ManagementSample.path + "/term_bump", "{}", 404, "NotFound: timeline"),
        ("POST", ManagementSample.path + "/checkpoint", nil, 404, "NotFound: timeline"),
        // Leaves a tombstone behind.
        ("DELETE", ManagementSample.path + "?only_local=true&only_local=true", nil, 200, #"{"dir_existed":false}"#),
    ]

    @Test func statuses() async throws {
        let folder = try TemporaryFolder()
        try await RunningSafekeeper.with(RunningSafekeeper.configuration(folder)) { running in
            for row in Self.table {
                let answer = try await running.http(row.0, row.1, row.2)
                let context =
                    "\(row.0) \(row.1) \(row.2?.prefix(100) ?? ""): \(answer.status) \(answer.body.prefix(200))"
                #expect(answer.status == row.3 && answer.body.contains(row.4), "\(context)")
                if answer.status >= 400 {
                    let type = answer.body == "Not Found" ? "text/plain" : "application/json"
                    #expect(answer.headers["content-type"] == type, "\(context)")
                }
                #expect(answer.headers["x-request-id"]?.count == 36, "\(context)")
            }
        }
    }

    @Test func requestIDsAreTakenOver() async throws {
        let folder = try TemporaryFolder()
        try await RunningSafekeeper.with(RunningSafekeeper.configuration(folder)) { running in
            let given = try await running.http("GET", "/v1/status", headers: [("X-Request-ID", "abc 1")])
            #expect(given.headers["x-request-id"] == "abc 1")
            let first = try await running.http("GET", "/v1/status").headers["x-request-id"]
            let second = try await running.http("GET", "/v1/status").headers["x-request-id"]
            #expect(first != second)
            let parts = (first ?? "").split(separator: "-")
            #expect(
                parts.map(\.count) == [8, 4, 4, 4, 12] && parts[2].first == "4"
                    && "89ab".contains(parts[3].first ?? " ")
            )
        }
    }

    @Test func metricsComeAndGoWithTimelines() async throws {
        let folder = try TemporaryFolder()
        try await RunningSafekeeper.with(RunningSafekeeper.configuration(folder)) { running in
            let http = running.http
            _ = try await http("POST", "/v1/tenant/timeline", ManagementSample.creation())
            let labels = #"{tenant_id="\#(ManagementSample.tenant)",timeline_id="\#(ManagementSample.timeline)"}"#
            let answer = try await http("GET", "/metrics")
            #expect(answer.headers["content-type"] == "text/plain; version=0.0.4")
            #expect(answer.body.contains("\nsafekeeper_flush_lsn\(labels) 21946704\n"))
            #expect(answer.body.contains("\nsafekeeper_timelines 1\n"))
            #expect(answer.body.contains("# TYPE safekeeper_wal_receiver_queue_depth histogram\n"))
            #expect(answer.body.contains(#"safekeeper_wal_receiver_queue_depth_bucket{le="255"} 0"#))
            _ = try await http("DELETE", ManagementSample.path)
            let later = try await http("GET", "/metrics")
            #expect(!later.body.contains(ManagementSample.timeline))
            #expect(later.body.contains("\nsafekeeper_timelines 0\n"))
        }
    }
}
