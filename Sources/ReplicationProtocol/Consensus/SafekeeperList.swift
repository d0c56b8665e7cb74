/// The safekeepers that a proposer is told to use: `[g#<generation>:]host:port,host:port…`.
///
/// The generation belongs to the list, not to its first entry: lists that differ in order only name the same safekeepers.
/// Source: `safekeeper-core.md` §1.9.
public struct SafekeeperList: Hashable, Sendable {
    /// The most entries there may be.
    public static let maximumCount = 31

    /// The generation of the configuration that the list was made from; 0 if not told.
    public let generation: Generation
    /// The `host:port` of each safekeeper, in the order given.
    public let endpoints: [String]

    /// Parses a list; throws ``SafekeeperListError``.
    public init(_ text: String) throws(SafekeeperListError) {
        var rest = text[...]
        var generation = Generation.invalid
        if rest.hasPrefix("g#") {
            let number = rest.dropFirst(2).prefix { $0 != ":" }
            guard let value = UInt32(decimalDigits: number), number.endIndex < rest.endIndex else {
                throw .invalidGeneration(String(rest))
            }
            generation = Generation(value)
            rest = rest[rest.index(after: number.endIndex)...]
        }
        let endpoints = rest.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard endpoints.count <= Self.maximumCount else { throw .tooMany(endpoints.count) }
        for endpoint in endpoints {
            guard let colon = endpoint.lastIndex(of: ":"), colon > endpoint.startIndex,
                UInt16(decimalDigits: endpoint[endpoint.index(after: colon)...]) != nil
            else { throw .invalidEndpoint(endpoint) }
        }
        self.generation = generation
        self.endpoints = endpoints
    }

    /// Whether two lists have the same generation and the same safekeepers, in whatever order.
    public func namesSame(as other: SafekeeperList) -> Bool {
        generation == other.generation && endpoints.sorted() == other.endpoints.sorted()
    }
}

/// Why a list of safekeepers could not be read.
public enum SafekeeperListError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What follows `g#` is not a generation and a colon.
    case invalidGeneration(String)
    /// An entry is not `host:port`.
    case invalidEndpoint(String)
    /// More entries than ``SafekeeperList/maximumCount``.
    case tooMany(Int)

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .invalidGeneration(let text): "no generation at the start of '\(text)'"
        case .invalidEndpoint(let text): "'\(text)' is not host:port"
        case .tooMany(let count): "\(count) safekeepers, at most \(SafekeeperList.maximumCount) are allowed"
        }
    }
}
