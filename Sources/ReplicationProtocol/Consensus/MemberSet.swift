/// The number of a safekeeper; 0 is none.
@frozen
public struct SafekeeperID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number.
    public let rawValue: UInt64

    /// Makes a safekeeper's id.
    @inlinable
    public init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Whether this names a safekeeper: not 0.
    @inlinable
    public var isValid: Bool { rawValue != 0 }

    /// The number in decimal.
    public var description: String { "\(rawValue)" }

    /// Orders by number.
    @inlinable
    public static func < (lhs: SafekeeperID, rhs: SafekeeperID) -> Bool {
        lhs.rawValue < rhs.rawValue
    }
}

/// A safekeeper and where it listens.
public struct SafekeeperMember: Hashable, Sendable, CustomStringConvertible {
    /// Which one.
    public let id: SafekeeperID
    /// Its host name or address.
    public let host: String
    /// The port of its PostgreSQL protocol.
    public let port: UInt16

    /// Makes a member; throws ``MembershipError/invalidHost(_:)`` for a host name with a zero byte.
    public init(id: SafekeeperID, host: String, port: UInt16) throws(MembershipError) {
        guard !host.utf8.contains(0) else { throw .invalidHost(host) }
        self.id = id
        self.host = host
        self.port = port
    }

    /// The member as `id=… host=… port=…`.
    public var description: String { "id=\(id) host=\(host) port=\(port)" }
}

/// Safekeepers that decide by majority, each in it once, in the order in which they were named.
public struct MemberSet: Hashable, Sendable {
    /// The members.
    public let members: [SafekeeperMember]

    /// Makes the empty set.
    public init() {
        members = []
    }

    /// Makes a set; throws ``MembershipError/duplicateMember(_:)`` if an id is in it twice.
    public init(_ members: [SafekeeperMember]) throws(MembershipError) {
        var seen: Set<SafekeeperID> = []
        for member in members where !seen.insert(member.id).inserted { throw .duplicateMember(member.id) }
        self.members = members
    }

    /// The number of members.
    public var count: Int { members.count }

    /// Whether there is nobody in it.
    public var isEmpty: Bool { members.isEmpty }

    /// How many members are more than half of them.
    public var majority: Int { count / 2 + 1 }

    /// Whether a safekeeper is in the set.
    public func contains(_ id: SafekeeperID) -> Bool {
        members.contains { $0.id == id }
    }

    /// Whether more than half of the members agree; never true for the empty set.
    public func hasMajority(_ agrees: (SafekeeperID) -> Bool) -> Bool {
        members.count { agrees($0.id) } >= majority
    }

    /// The greatest value that more than half of the members have reached; nil for the empty set.
    public func majorityValue<Value: Comparable>(_ value: (SafekeeperID) -> Value) -> Value? {
        guard !isEmpty else { return nil }
        return members.map { value($0.id) }.sorted()[count - majority]
    }
}

extension MemberSet: CustomStringConvertible {
    /// The members in parentheses.
    public var description: String { "(\(members.map(\.description).joined(separator: ", ")))" }
}
