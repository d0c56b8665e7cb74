internal import PostgresWAL
internal import ReplicationProtocol
internal import ShardIdentity

/// A place in the JSON body of a request, and its path for messages.
///
/// Members that nobody asks for are passed over. Source: `safekeeper-operations.md` §0, §1.1.
struct RequestFields {
    let value: JSONValue
    private let path: String

    /// Parses a body; what follows its first value is passed over.
    ///
    /// Throws ``ManagementError/badRequest(_:)`` if there is no value.
    init(body: [UInt8]) throws(ManagementError) {
        guard !body.isEmpty else { throw .badRequest("missing request body") }
        guard let text = String(validating: body, as: UTF8.self) else {
            throw .badRequest("Failed to parse json request: not UTF-8")
        }
        do throws(JSONError) {
            self.init(try JSONValue(parsingPrefixOf: text), path: "")
        } catch {
            throw .badRequest("Failed to parse json request: \(error)")
        }
    }

    private init(_ value: JSONValue, path: String) {
        self.value = value
        self.path = path
    }

    func fault(_ why: String) -> ManagementError {
        .badRequest("Failed to parse json request: \(path.isEmpty ? "" : "\(path): ")\(why)")
    }

    /// A member that may be missing or null.
    func optional(_ name: String) throws(ManagementError) -> RequestFields? {
        guard case .object = value else { throw fault("expected an object") }
        guard let member = value[name], member != .null else { return nil }
        return RequestFields(member, path: path.isEmpty ? name : "\(path).\(name)")
    }

    /// A member that has to be there.
    func required(_ name: String) throws(ManagementError) -> RequestFields {
        guard let member = try optional(name) else { throw fault("missing field `\(name)`") }
        return member
    }

    // MARK: Values

    func array() throws(ManagementError) -> [RequestFields] {
        guard case .array(let elements) = value else { throw fault("expected an array") }
        return elements.enumerated().map { RequestFields($0.element, path: "\(path)[\($0.offset)]") }
    }

    func string() throws(ManagementError) -> String {
        guard case .string(let text) = value else { throw fault("expected a string") }
        return text
    }

    func number<Number: FixedWidthInteger>(_ type: Number.Type) throws(ManagementError) -> Number {
        guard case .integer(let integer) = value, let number = Number(exactly: integer) else {
            throw fault("expected a whole number from \(Number.min) to \(Number.max)")
        }
        return number
    }

    func lsn() throws(ManagementError) -> LSN {
        guard let lsn = LSN(try string()) else { throw fault("expected an LSN such as \"0/2534868\"") }
        return lsn
    }

    func tenant() throws(ManagementError) -> TenantID {
        guard let tenant = TenantID(try string()) else { throw fault("expected 32 hexadecimal digits") }
        return tenant
    }

    func timeline() throws(ManagementError) -> TimelineID {
        guard let timeline = TimelineID(try string()) else { throw fault("expected 32 hexadecimal digits") }
        return timeline
    }

    /// A membership configuration.
    func membership() throws(ManagementError) -> MembershipConfiguration {
        let generation = Generation(try required("generation").number(UInt32.self))
        let members = try required("members").memberSet()
        let newMembers = try optional("new_members").map { fields throws(ManagementError) in try fields.memberSet() }
        do throws(MembershipError) {
            return try MembershipConfiguration(generation: generation, members: members, newMembers: newMembers)
        } catch {
            throw fault("\(error)")
        }
    }

    private func memberSet() throws(ManagementError) -> MemberSet {
        var members: [SafekeeperMember] = []
        for fields in try array() {
            let id = SafekeeperID(try fields.required("id").number(UInt64.self))
            let host = try fields.required("host").string()
            let port = try fields.required("pg_port").number(UInt16.self)
            do throws(MembershipError) {
                members.append(try SafekeeperMember(id: id, host: host, port: port))
            } catch {
                throw fields.fault("\(error)")
            }
        }
        do throws(MembershipError) {
            return try MemberSet(members)
        } catch {
            throw fault("\(error)")
        }
    }
}
