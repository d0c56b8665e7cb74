/// The pages of relations: tables, indexes and the like.
public enum RelationPage {
    /// Bytes in a page (`BLCKSZ`).
    public static let size = 8192
}
