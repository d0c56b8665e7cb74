/// The number of a membership configuration of a timeline.
///
/// Source: `safekeeper-core.md` §0.
@frozen
public struct Generation: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number.
    public let rawValue: UInt32

    /// Makes a generation.
    @inlinable
    public init(_ rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// The generation of timelines from before there were generations, 0.
    @inlinable
    public static var invalid: Generation { Generation(0) }

    /// The first real generation, 1.
    @inlinable
    public static var first: Generation { Generation(1) }

    /// Whether this is a real generation, not 0.
    @inlinable
    public var isValid: Bool { rawValue != 0 }

    /// The next generation; nil after the last one.
    public var next: Generation? {
        rawValue == .max ? nil : Generation(rawValue + 1)
    }

    /// The number in decimal.
    public var description: String { "\(rawValue)" }

    /// Orders by number.
    @inlinable
    public static func < (lhs: Generation, rhs: Generation) -> Bool {
        lhs.rawValue < rhs.rawValue
    }
}

/// Which safekeepers hold a timeline.
///
/// While safekeepers are exchanged the configuration is joint: it has a second set, and whatever needs a majority needs
/// one of each set.
/// Source: `safekeeper-core.md` §1.3, §3.8.
public struct MembershipConfiguration: Hashable, Sendable {
    /// The number of this configuration.
    public let generation: Generation
    /// The members.
    public let members: MemberSet
    /// The members after the change, never empty; nil unless joint.
    public let newMembers: MemberSet?

    /// Makes a configuration; an empty second set is none.
    ///
    /// Throws ``MembershipError/emptyMembers(_:)`` for a real generation without members.
    public init(
        generation: Generation,
        members: MemberSet,
        newMembers: MemberSet? = nil
    ) throws(MembershipError) {
        guard !generation.isValid || !members.isEmpty else { throw .emptyMembers(generation) }
        self.init(checkedGeneration: generation, members: members, newMembers: newMembers)
    }

    private init(checkedGeneration generation: Generation, members: MemberSet, newMembers: MemberSet?) {
        self.generation = generation
        self.members = members
        self.newMembers = newMembers.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The configuration of a timeline from before there were generations: 0, no members.
    public static var none: MembershipConfiguration {
        MembershipConfiguration(checkedGeneration: .invalid, members: MemberSet(), newMembers: nil)
    }

    /// Whether safekeepers are being exchanged.
    public var isJoint: Bool { newMembers != nil }

    /// Whether a safekeeper is in one of the sets.
    public func contains(_ id: SafekeeperID) -> Bool {
        members.contains(id) || newMembers?.contains(id) ?? false
    }

    /// Whether enough safekeepers agree: a majority of each set.
    ///
    /// Ids that are in no set do not count. Never true without members.
    public func hasQuorum(_ agrees: (SafekeeperID) -> Bool) -> Bool {
        members.hasMajority(agrees) && newMembers?.hasMajority(agrees) ?? true
    }

    /// The greatest value that enough safekeepers have reached: a majority of each set.
    ///
    /// Nil without members. A safekeeper never heard from has to be given the least value.
    public func quorumValue<Value: Comparable>(_ value: (SafekeeperID) -> Value) -> Value? {
        guard let reached = members.majorityValue(value) else { return nil }
        guard let newMembers, let reachedByNew = newMembers.majorityValue(value) else { return reached }
        return min(reached, reachedByNew)
    }
}

extension MembershipConfiguration: CustomStringConvertible {
    /// A text for logs and errors.
    public var description: String {
        "gen=\(generation), members=\(members), new_members=\(newMembers.map { "\($0)" } ?? "none")"
    }
}

/// Why a membership could not be made.
public enum MembershipError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A real generation without members.
    case emptyMembers(Generation)
    /// A safekeeper twice in one set.
    case duplicateMember(SafekeeperID)
    /// A host name with a zero byte in it.
    case invalidHost(String)

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .emptyMembers(let generation): "empty members_len in generation \(generation)"
        case .duplicateMember(let id): "duplicate member \(id)"
        case .invalidHost(let host): "invalid host name \(host)"
        }
    }
}
