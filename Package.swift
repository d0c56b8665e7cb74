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
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        // Row 0: system libraries.
        .target(name: "CChecksum"),

        // Row 1: vocabulary.
        .target(name: "PostgresWAL", dependencies: ["CChecksum"], swiftSettings: settings),
        .target(name: "ShardIdentity", swiftSettings: settings),

        // Tests, and what they share: real PostgreSQL servers.
        .target(name: "CSpawn", path: "Tests/CSpawn"),
        .target(
            name: "PostgresHarness",
            dependencies: ["CSpawn", "PostgresWAL"],
            path: "Tests/PostgresHarness",
            resources: [.copy("Workload")],
            swiftSettings: settings
        ),
        .testTarget(
            name: "IntegrationTests",
            dependencies: ["PostgresHarness", "PostgresWAL"],
            swiftSettings: settings
        ),
    ]
)
