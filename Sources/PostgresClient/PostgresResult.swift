/// The answer to a query.
public struct PostgresResult: Hashable, Sendable {
    /// The names of the columns.
    public var columns: [String]
    /// The rows, each with a text or nil for null in each column.
    public var rows: [[String?]]
    /// What the server says that it did, such as `SELECT 1`.
    public var commandTag: String

    /// Makes a result.
    public init(columns: [String] = [], rows: [[String?]] = [], commandTag: String = "") {
        self.columns = columns
        self.rows = rows
        self.commandTag = commandTag
    }

    /// The value in the first row; nil if there is no row, no such column, or it is null.
    public func first(_ column: String) -> String? {
        guard let index = columns.firstIndex(of: column) else { return nil }
        return rows.first?[index]
    }
}
