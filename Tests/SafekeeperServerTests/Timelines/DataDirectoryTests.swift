import Foundation
import ReplicationProtocol
import SafekeeperServer
import StorageSimulation
import TestFixtures
import Testing

@Suite("The data directory")
struct DataDirectoryTests {
    @Test func oneProcessHoldsTheLock() throws {
        let folder = try TemporaryFolder()
        let path = folder.path(of: "safekeeper.pid")
        try folder.write(Array("something longer than a number".utf8), to: "safekeeper.pid")
        do {
            let lock = try DataDirectoryLock(of: folder.path)
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "\(getpid())")
            #expect(throws: DataDirectoryError.locked(path: path)) { _ = try DataDirectoryLock(of: folder.path) }
            // Whoever came too late has left it alone.
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "\(getpid())")
            extendLifetime(lock)
        }
        _ = try DataDirectoryLock(of: folder.path)
        #expect(FileManager.default.fileExists(atPath: path))
        #expect(throws: DataDirectoryError.self) { _ = try DataDirectoryLock(of: folder.path(of: "nothing")) }
    }

    @Test func theNumberIsForGood() async throws {
        let folder = try TemporaryFolder()
        let directory = DataDirectory(path: folder.path, of: PosixFileSystem())
        await #expect(throws: DataDirectoryError.noNumber) { try await directory.claim(nil) }
        await #expect(throws: DataDirectoryError.noNumber) { try await directory.claim(SafekeeperID(0)) }
        #expect(try await directory.claim(SafekeeperID(7)) == SafekeeperID(7))
        #expect(try String(contentsOfFile: folder.path(of: "safekeeper.id"), encoding: .utf8) == "7")
        #expect(try await directory.claim(nil) == SafekeeperID(7))
        #expect(try await directory.claim(SafekeeperID(7)) == SafekeeperID(7))
        let error = DataDirectoryError.otherNumber(stored: SafekeeperID(7), wanted: SafekeeperID(8))
        await #expect(throws: error) { try await directory.claim(SafekeeperID(8)) }
        #expect("\(error)" == "safekeeper already initialized with id 7, can't set 8")
        for text in ["", "x", "-1", "0", "18446744073709551616", "7 "] {
            try folder.write(Array(text.utf8), to: "safekeeper.id")
            await #expect(throws: DataDirectoryError.self, "\(text)") { try await directory.claim(SafekeeperID(7)) }
        }
        try folder.write(Array("18446744073709551615\n".utf8), to: "safekeeper.id")
        #expect(try await directory.claim(nil) == SafekeeperID(.max))
    }

    @Test("A crash at any operation leaves no number or the right one", arguments: 0..<8)
    func crash(operation: Int) async throws {
        for crash in SimulatedFileSystem.Crash.allCases {
            let disk = SimulatedFileSystem(seed: UInt64(operation))
            let directory = DataDirectory(path: "/data", of: disk)
            disk.crashOperation = operation
            let first = try? await directory.claim(SafekeeperID(7))
            disk.restart(after: crash)
            let second = try? await directory.claim(nil)
            if first != nil { #expect(second == SafekeeperID(7)) }
            if second == nil { #expect(try await directory.claim(SafekeeperID(8)) == SafekeeperID(8)) }
        }
    }
}
