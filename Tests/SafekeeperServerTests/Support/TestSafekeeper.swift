import PostgresWAL
import ReplicationProtocol
import SafekeeperServer
import ShardIdentity
import StorageSimulation
import TestFixtures

/// A safekeeper without a network, on any file system.
final class TestSafekeeper: Sendable {
    let time: any TimeSource
    let metrics = MetricsLedger()
    let log = LogBook()
    let registry: TimelineRegistry
    let directory: DataDirectory
    private let folder: TemporaryFolder?

    init(
        _ fileSystem: any FileSystem,
        path: String,
        time: any TimeSource = SystemTime(),
        folder: TemporaryFolder? = nil,
        _ configure: (inout TimelineSettings) -> Void = { _ in }
    ) {
        self.time = time
        self.folder = folder
        directory = DataDirectory(path: path, of: fileSystem)
        var settings = TimelineSettings(state: TimelineState.Settings(node: SafekeeperID(7)))
        configure(&settings)
        registry = TimelineRegistry(
            in: directory,
            settings: settings,
            time: time,
            logger: log.logger,
            metrics: SafekeeperMetrics(factory: metrics)
        )
    }

    /// On real files, behind something that may hold them up.
    static func onDisk(
        time: any TimeSource = SystemTime(),
        _ configure: (inout TimelineSettings) -> Void = { _ in }
    ) throws -> (TestSafekeeper, InterceptedFileSystem) {
        let folder = try TemporaryFolder()
        let files = InterceptedFileSystem(PosixFileSystem())
        return (TestSafekeeper(files, path: folder.path, time: time, folder: folder, configure), files)
    }

    /// On simulated files, as the folder `/data`.
    static func simulated(_ disk: SimulatedFileSystem, time: any TimeSource = SystemTime()) -> TestSafekeeper {
        TestSafekeeper(InterceptedFileSystem(disk, isSerial: true), path: "/data", time: time)
    }

    static let server = ControlFile.Server(
        versionNumber: 150_010,
        systemIdentifier: 0x0123_4567_89AB_CDEF,
        segmentSize: 1 << 20
    )
}

extension TenantTimelineID {
    /// Ids for tests.
    init(_ tenant: UInt128, _ timeline: UInt128) {
        self.init(tenant: TenantID(bits: tenant), timeline: TimelineID(bits: timeline))
    }
}
