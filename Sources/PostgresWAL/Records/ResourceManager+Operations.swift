extension ResourceManager {
    /// The name of a record's operation as `pg_waldump` prints it; nil for one that isn't known.
    ///
    /// - Parameter info: the record's info byte.
    /// Source: the `rm_identify` functions of PostgreSQL's resource managers.
    public func operation(info: UInt8) -> String? {
        nil
    }
}
