import Foundation
import PostgresHarness
import PostgresWAL

extension WALSegments {
    /// Overwrites the bytes of a range, which lies in one segment, with zeros: they look as if they were never written.
    func erase(_ range: Range<LSN>, in folder: String) throws {
        let name = name(of: range.lowerBound)
        guard let file = FileHandle(forUpdatingAtPath: "\(folder)/\(name)") else {
            throw HarnessError("could not open \(name)")
        }
        try file.seek(toOffset: range.lowerBound.rawValue % size)
        try file.write(contentsOf: Data(count: Int(range.upperBound.rawValue - range.lowerBound.rawValue)))
        try file.close()
    }

    /// Overwrites all bytes from a position on with zeros.
    func erase(from position: LSN, in folder: String) throws {
        let first = name(of: position)
        var start = position
        for name in names where name >= first {
            let end = LSN(start.rawValue - start.rawValue % size + size)
            guard name == self.name(of: start) else { throw HarnessError("\(self.name(of: start)) is missing") }
            try erase(start..<end, in: folder)
            start = end
        }
    }
}
