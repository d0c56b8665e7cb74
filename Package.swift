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
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        // Row 0: system libraries.
        .target(name: "CChecksum"),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        // The reference protobuf codec, made by scripts/generate-protos.
        .target(name: "CInterpretedWALProto", linkerSettings: [.linkedLibrary("protobuf-c")]),

        // Row 1: vocabulary.
        .target(name: "PostgresWAL", dependencies: ["CChecksum"], swiftSettings: settings),
        .target(name: "ShardIdentity", swiftSettings: settings),

        // Row 2: the language the parties speak.
        .target(
            name: "InterpretedWAL",
            dependencies: ["PostgresWAL", "ShardIdentity", "CZstd"],
            swiftSettings: settings
        ),

        // Tests.
        .testTarget(
            name: "InterpretedWALTests",
            dependencies: ["InterpretedWAL", "PostgresWAL", "ShardIdentity", "CInterpretedWALProto"],
            swiftSettings: settings
        ),
    ]
)
