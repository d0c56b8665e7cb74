// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours: Swift 6 mode comes with the tools version; warnings are errors.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "interpreted-wal",
    products: [
        .library(name: "PostgresWAL", targets: ["PostgresWAL"]),
        .library(name: "ShardIdentity", targets: ["ShardIdentity"]),
        .library(name: "InterpretedWAL", targets: ["InterpretedWAL"]),
        .library(name: "ReplicationProtocol", targets: ["ReplicationProtocol"]),
        .library(name: "PostgresClient", targets: ["PostgresClient"]),
        .library(name: "WalProposer", targets: ["WalProposer"]),
        .library(name: "Ingest", targets: ["Ingest"]),
        .library(name: "WalReceiver", targets: ["WalReceiver"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        // Row 0: system libraries.
        .target(name: "CChecksum"),
        // System calls that Swift doesn't show.
        .target(name: "CLinux"),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .systemLibrary(name: "CLibpq", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CRocksDB", pkgConfig: "rocksdb", providers: [.apt(["librocksdb-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        // The reference protobuf codec, made by scripts/generate-protos.
        .target(name: "CInterpretedWALProto", linkerSettings: [.linkedLibrary("protobuf-c")]),

        // Row 1: vocabulary.
        .target(name: "PostgresWAL", dependencies: ["CChecksum", "CLZ4", "CZstd"], swiftSettings: settings),
        .target(name: "ShardIdentity", swiftSettings: settings),

        // Row 2: the language the parties speak.
        .target(
            name: "InterpretedWAL",
            dependencies: ["PostgresWAL", "ShardIdentity", "CZstd"],
            swiftSettings: settings
        ),

        .target(
            name: "ReplicationProtocol",
            dependencies: ["InterpretedWAL", "PostgresWAL", "ShardIdentity"],
            swiftSettings: settings
        ),

        // Row 3: the parties.
        .target(
            name: "Ingest",
            dependencies: ["CRocksDB", "InterpretedWAL", "PostgresWAL", "ShardIdentity"],
            swiftSettings: settings
        ),
        .target(
            name: "SafekeeperServer",
            dependencies: [
                "BlockingExecution", "CLinux", "InterpretedWAL", "PostgresWAL", "ReplicationProtocol", "ServerSupport",
                "ShardIdentity", "Telemetry",
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),

        .target(
            name: "WalProposer",
            dependencies: ["InterpretedWAL", "PostgresClient", "PostgresWAL", "ReplicationProtocol", "ShardIdentity"],
            swiftSettings: settings
        ),

        .target(
            name: "WalReceiver",
            dependencies: [
                "BlockingExecution", "InterpretedWAL", "PostgresClient", "PostgresWAL", "ReplicationProtocol",
                "ShardIdentity",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),

        // Beside the rows: threads for actors that block.
        .target(name: "BlockingExecution", swiftSettings: settings),
        // WAL segment files, for tools and tests.
        .target(name: "WALFiles", dependencies: ["PostgresWAL"], swiftSettings: settings),
        // Connections by libpq, for the parties that are clients.
        .target(name: "PostgresClient", dependencies: ["CLibpq", "CLinux"], swiftSettings: settings),
        // Beside the rows, too: what the servers say about themselves.
        .target(
            name: "Telemetry",
            dependencies: [
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),

        // And what their programs have in common: settings, an API over HTTP, signals.
        .target(
            name: "ServerSupport",
            dependencies: [
                "Telemetry",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "TOMLKit", package: "TOMLKit"),
            ],
            swiftSettings: settings
        ),

        // A pageserver of a receiver and an ingest for each shard.
        .target(
            name: "PageserverServer",
            dependencies: [
                "Ingest", "InterpretedWAL", "PostgresWAL", "ReplicationProtocol", "ServerSupport", "ShardIdentity",
                "Telemetry", "WalReceiver",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),

        // Row 4: executables.
        .executableTarget(
            name: "walctl",
            dependencies: [
                "CCrypto", "InterpretedWAL", "PostgresWAL", "ReplicationProtocol", "ShardIdentity", "WALFiles",
                "WalProposer",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings
        ),

        .executableTarget(
            name: "safekeeper",
            dependencies: [
                "PostgresWAL", "ReplicationProtocol", "SafekeeperServer", "ServerSupport", "Telemetry",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),

        .executableTarget(
            name: "pageserver",
            dependencies: [
                "CLinux", "Ingest", "PageserverServer", "PostgresWAL", "ServerSupport", "ShardIdentity", "Telemetry",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),

        // `make demo`.
        .executableTarget(
            name: "demo",
            dependencies: [
                "Ingest", "IngestHarness", "InterpretedWAL", "PostgresHarness", "PostgresWAL", "ShardIdentity",
                "WALFiles",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings
        ),

        // Benches: `make bench`.
        .target(name: "CFloor", dependencies: ["CChecksum"], path: "Benchmarks/CFloor"),
        .target(name: "CAllocationCount", path: "Benchmarks/CAllocationCount"),
        .executableTarget(
            name: "bench",
            dependencies: [
                "CAllocationCount", "CChecksum", "CFloor", "CZstd", "InterpretedWAL", "PostgresHarness", "PostgresWAL",
                "Ingest", "PageserverHarness", "PageserverServer", "ReplicationProtocol", "SafekeeperHarness",
                "SafekeeperServer", "ShardIdentity", "TestFixtures", "WALFiles", "WalReceiver",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            path: "Benchmarks/Bench",
            swiftSettings: settings
        ),

        // Tests, and what they share: real PostgreSQL servers, and WAL of such.
        .target(
            name: "TestFixtures",
            dependencies: ["PostgresWAL", "WALFiles"],
            path: "Tests/TestFixtures",
            swiftSettings: settings
        ),
        // What each shard is to get of a record, worked out the plain way.
        .target(
            name: "InterpretationModel",
            dependencies: ["InterpretedWAL", "PostgresWAL", "ShardIdentity"],
            path: "Tests/InterpretationModel",
            swiftSettings: settings
        ),
        .target(name: "CSpawn", path: "Tests/CSpawn"),
        .target(
            name: "PostgresHarness",
            dependencies: ["CSpawn", "PostgresWAL"],
            path: "Tests/PostgresHarness",
            resources: [.copy("Workload")],
            swiftSettings: settings
        ),
        .testTarget(
            name: "PostgresWALTests",
            dependencies: ["CChecksum", "CLZ4", "CZstd", "PostgresWAL", "TestFixtures", "WALFiles"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "WalctlTests",
            dependencies: ["PostgresWAL", "TestFixtures", "WALFiles", "walctl"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ShardIdentityTests",
            dependencies: ["ShardIdentity", "TestFixtures"],
            resources: [.copy("Fixtures")],
            swiftSettings: settings
        ),
        .testTarget(
            name: "InterpretedWALTests",
            dependencies: [
                "CAllocationCount", "CChecksum", "CInterpretedWALProto", "InterpretationModel", "InterpretedWAL",
                "PostgresWAL", "ShardIdentity", "TestFixtures", "WALFiles",
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ReplicationProtocolTests",
            dependencies: ["InterpretedWAL", "PostgresWAL", "ReplicationProtocol", "ShardIdentity", "TestFixtures"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "WALFilesTests",
            dependencies: ["PostgresWAL", "TestFixtures", "WALFiles"],
            swiftSettings: settings
        ),
        // What a shard holds, against a server's files.
        .target(
            name: "IngestHarness",
            dependencies: ["Ingest", "PostgresWAL", "ShardIdentity", "TestFixtures", "WALFiles"],
            path: "Tests/IngestHarness",
            swiftSettings: settings
        ),
        .testTarget(
            name: "IngestTests",
            dependencies: [
                "CChecksum", "Ingest", "IngestHarness", "InterpretedWAL", "PostgresHarness", "PostgresWAL",
                "ShardIdentity",
                "TestFixtures", "WALFiles",
            ],
            swiftSettings: settings
        ),
        .target(
            name: "SafekeeperHarness",
            dependencies: [
                "CChecksum", "InterpretedWAL", "PostgresHarness", "PostgresWAL", "ReplicationProtocol", "ShardIdentity",
            ],
            path: "Tests/SafekeeperHarness",
            swiftSettings: settings
        ),
        // Real pageservers behind real safekeepers.
        .target(
            name: "PageserverHarness",
            dependencies: [
                "InterpretationModel", "PostgresHarness", "PostgresWAL", "ReplicationProtocol", "SafekeeperHarness",
                "ShardIdentity", "TestFixtures", "WALFiles",
            ],
            path: "Tests/PageserverHarness",
            swiftSettings: settings
        ),
        // Shards that receive, in a process that can be stopped.
        .executableTarget(
            name: "shard-receivers",
            dependencies: [
                "PostgresWAL", "ReplicationProtocol", "SafekeeperHarness", "ShardIdentity",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/ShardReceivers",
            swiftSettings: settings
        ),
        .testTarget(
            name: "SafekeeperTests",
            dependencies: [
                "InterpretedWAL", "PostgresHarness", "PostgresWAL", "ReplicationProtocol", "SafekeeperHarness",
                "SafekeeperServer", "ServerSupport", "ShardIdentity", "TestFixtures", "safekeeper", "shard-receivers",
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "TelemetryTests",
            dependencies: [
                "Telemetry", "TestFixtures",
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "StorageSimulation",
            dependencies: ["PostgresWAL", "SafekeeperServer", "TestFixtures"],
            path: "Tests/StorageSimulation",
            swiftSettings: settings
        ),
        // Safekeepers, proposers, disks and a network in one thread.
        .target(
            name: "ConsensusSimulation",
            dependencies: [
                "InterpretedWAL", "PostgresWAL", "ReplicationProtocol", "SafekeeperServer", "ShardIdentity",
                "StorageSimulation", "TestFixtures", "WalProposer",
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            path: "Tests/ConsensusSimulation",
            swiftSettings: settings
        ),
        .testTarget(
            name: "SimulationTests",
            dependencies: ["ConsensusSimulation"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SafekeeperServerTests",
            dependencies: [
                "CChecksum", "InterpretedWAL", "PostgresHarness", "PostgresWAL", "ReplicationProtocol",
                "SafekeeperHarness", "SafekeeperServer", "ServerSupport", "ShardIdentity", "StorageSimulation",
                "Telemetry", "TestFixtures",
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "PostgresClientTests",
            dependencies: ["PostgresClient", "PostgresHarness"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "WalProposerTests",
            dependencies: [
                "InterpretedWAL", "PostgresClient", "PostgresWAL", "ReplicationProtocol", "ShardIdentity",
                "TestFixtures",
                "WalProposer",
            ],
            swiftSettings: settings
        ),
        // From a real server to real safekeepers.
        .testTarget(
            name: "WalPushTests",
            dependencies: [
                "InterpretedWAL", "PostgresClient", "PostgresHarness", "PostgresWAL", "ReplicationProtocol",
                "SafekeeperHarness", "ShardIdentity", "WalProposer", "safekeeper", "walctl",
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "WalReceiverTests",
            dependencies: [
                "InterpretedWAL", "PostgresWAL", "ReplicationProtocol", "ShardIdentity", "TestFixtures", "WalReceiver",
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "PageserverServerTests",
            dependencies: [
                "InterpretedWAL", "PageserverServer", "ReplicationProtocol", "ServerSupport", "ShardIdentity",
                "Telemetry",
                "TestFixtures", "WalReceiver",
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ReceiverIntegrationTests",
            dependencies: [
                "Ingest", "IngestHarness", "InterpretationModel", "InterpretedWAL", "PageserverHarness",
                "PageserverServer", "PostgresHarness", "PostgresWAL", "ReplicationProtocol", "SafekeeperHarness",
                "ServerSupport", "ShardIdentity", "Telemetry", "TestFixtures", "WALFiles", "WalProposer", "WalReceiver",
                "pageserver", "safekeeper",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "InterpretationModel", "InterpretedWAL", "PostgresHarness", "PostgresWAL", "ShardIdentity",
                "TestFixtures",
                "WALFiles",
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "DemoTests",
            dependencies: [
                "PostgresHarness", "PostgresWAL", "TestFixtures", "demo", "pageserver", "safekeeper", "walctl",
            ],
            swiftSettings: settings
        ),
    ]
)
