public import PostgresWAL

/// A safekeeper's number, by which all know it.
public struct SafekeeperNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number.
    public let rawValue: UInt64

    /// Makes a number.
    public init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Orders by number.
    public static func < (lhs: SafekeeperNumber, rhs: SafekeeperNumber) -> Bool { lhs.rawValue < rhs.rawValue }

    /// The digits.
    public var description: String { "\(rawValue)" }
}

/// Where a safekeeper can be reached.
public struct Safekeeper: Hashable, Sendable {
    /// Its number.
    public var number: SafekeeperNumber
    /// A name or an address; one of IPv6 without brackets.
    public var host: String
    /// The port for WAL.
    public var port: UInt16
    /// Where it stands, if that is known.
    public var availabilityZone: String?

    /// Makes a value of its parts.
    public init(number: SafekeeperNumber, host: String, port: UInt16, availabilityZone: String? = nil) {
        self.number = number
        self.host = host
        self.port = port
        self.availabilityZone = availabilityZone
    }

    /// Makes a value of an address as safekeepers publish it: `host` or `host:port`, the port 5432 if it is missing.
    ///
    /// Nil for anything else. Source: `ingest.md` §1.3.
    public init?(number: SafekeeperNumber, address: String, availabilityZone: String? = nil) {
        var host = address[...]
        var port: UInt16 = 5432
        if let colon = address.lastIndex(of: ":"), address.last != "]" {
            host = address[..<colon]
            let digits = address[address.index(after: colon)...]
            guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = UInt16(digits)
            else { return nil }
            port = number
        }
        if host.first == "[", host.last == "]" { host = host.dropFirst().dropLast() }
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        self.init(number: number, host: String(host), port: port, availabilityZone: availabilityZone)
    }
}

/// News of a safekeeper and a timeline, from a broker or by asking it.
public struct SafekeeperNews: Hashable, Sendable {
    /// Who and where it is.
    public var safekeeper: Safekeeper
    /// How far WAL is committed there; 0/0 if it has none.
    public var commitLSN: LSN

    /// Makes news.
    public init(safekeeper: Safekeeper, commitLSN: LSN) {
        self.safekeeper = safekeeper
        self.commitLSN = commitLSN
    }
}
