/// What this program calls itself.
package enum PageserverVersion {
    /// Name and number.
    package static let text = "interpreted-wal pageserver 0.1.0"
}
