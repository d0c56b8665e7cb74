import Foundation

/// The path of a file below `Tests/Fixtures`.
package func fixturePath(_ name: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../Fixtures/\(name)").standardized.path
}

/// The text of a file below `Tests/Fixtures`.
package func fixtureText(_ name: String) throws -> String {
    String(decoding: try fileBytes(fixturePath(name)), as: UTF8.self)
}
