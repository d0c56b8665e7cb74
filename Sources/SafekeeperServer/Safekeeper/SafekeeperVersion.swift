/// Which safekeeper this is.
package enum SafekeeperVersion {
    /// The version of the sources.
    package static let number = "0.1.0"

    /// The version with the oldest and the newest PostgreSQL whose WAL is understood.
    package static let text = "\(number) (PostgreSQL 14 to 17, consensus protocols 2 and 3)"
}
