// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target of ours is built alike: Swift 6 mode, warnings are errors, imports declared.
let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "ossync",
    products: [
        .executable(name: "ossync", targets: ["ossync"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
    ],
    targets: [
        // C libraries of the system and the thin shims over them, one target per library.
        .systemLibrary(name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
        .systemLibrary(
            name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CProcess"),
        .target(name: "CCurl"),
        .target(name: "CNCurses"),

        // The order of this list is the order of the architecture: a target imports only from
        // above.
        .target(name: "Locks", swiftSettings: strict),
        .target(name: "SyncCore", swiftSettings: strict),
        .target(
            name: "Records", dependencies: ["SyncCore", "CXXHash"],
            swiftSettings: strict),
        .target(name: "Presentation", dependencies: ["Records"], swiftSettings: strict),
        .target(name: "LMDB", dependencies: ["CLMDB", "Locks"], swiftSettings: strict),
        .target(
            name: "EventLog",
            dependencies: ["Locks", "SyncCore", "LMDB", "CZstd", "CCrypto", "CXXHash"],
            swiftSettings: strict),
        .target(
            name: "Projections", dependencies: ["SyncCore", "Records", "EventLog", "LMDB"],
            swiftSettings: strict),
        .target(
            name: "RESTSource", dependencies: ["Locks", "SyncCore", "Records", "CCurl"],
            swiftSettings: strict),
        .target(
            name: "SyncEngine",
            dependencies: ["Locks", "SyncCore", "LMDB", "EventLog", "Projections"],
            swiftSettings: strict),
        .target(
            name: "ReadModels", dependencies: ["SyncCore", "Records", "EventLog", "Projections"],
            swiftSettings: strict),
        .target(
            name: "Simulation",
            dependencies: [
                "Locks", "SyncCore", "Records", "LMDB", "EventLog", "Projections", "RESTSource",
                "SyncEngine",
                .product(name: "FlyingFox", package: "FlyingFox"),
            ],
            swiftSettings: strict),
        .target(
            name: "Dashboard", dependencies: ["Presentation", "CNCurses"], swiftSettings: strict),
        .executableTarget(
            name: "ossync",
            dependencies: [
                "CProcess", "Locks", "SyncCore", "Records", "Presentation", "LMDB", "EventLog",
                "Projections", "RESTSource", "SyncEngine", "ReadModels", "Simulation", "Dashboard",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Yams", package: "Yams"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        // Calls that change files, made to fail: only in what simulates.
        .target(name: "CDiskFaults"),
        .target(
            name: "FaultyDisk", dependencies: ["Simulation", "CDiskFaults"],
            swiftSettings: strict),
        .executableTarget(
            name: "ossync-simulate",
            dependencies: ["CProcess", "Locks", "Simulation", "FaultyDisk"],
            swiftSettings: strict),

        // The raw C that the event log is measured against, and the measurements.
        .target(name: "CRawLMDB", dependencies: ["CLMDB"], path: "Benchmarks/CRawLMDB"),
        .executableTarget(
            name: "ossync-bench",
            dependencies: [
                "CRawLMDB", "SyncCore", "Records", "LMDB", "EventLog", "Projections",
                "SyncEngine",
            ],
            path: "Benchmarks/ossync-bench", swiftSettings: strict),

        // What several test targets share.
        .target(
            name: "TestSupport", dependencies: ["SyncCore", "LMDB"], path: "Tests/TestSupport",
            swiftSettings: strict),
        .target(
            name: "StoreTestSupport",
            dependencies: ["TestSupport", "EventLog", "SyncCore", "LMDB"],
            path: "Tests/StoreTestSupport", swiftSettings: strict),

        .testTarget(
            name: "LocksTests", dependencies: ["Locks", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "SyncCoreTests", dependencies: ["SyncCore", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "RecordsTests", dependencies: ["Records", "SyncCore", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "PresentationTests", dependencies: ["Presentation", "Records"],
            swiftSettings: strict),
        .testTarget(
            name: "LMDBTests", dependencies: ["LMDB", "SyncCore", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "EventLogTests",
            dependencies: ["EventLog", "SyncCore", "LMDB", "TestSupport", "StoreTestSupport"],
            exclude: ["Coding/Fixtures"],
            swiftSettings: strict),
        .testTarget(
            name: "ProjectionsTests",
            dependencies: [
                "Projections", "EventLog", "Records", "SyncCore", "LMDB", "TestSupport",
                "StoreTestSupport",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "RESTSourceTests", dependencies: ["Locks", "RESTSource", "Records", "SyncCore"],
            swiftSettings: strict),
        .testTarget(
            name: "SyncEngineTests",
            dependencies: [
                "Locks", "SyncEngine", "EventLog", "Projections", "Records", "LMDB", "SyncCore",
                "TestSupport",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ReadModelsTests",
            dependencies: ["ReadModels", "Projections", "EventLog", "Records", "SyncCore"],
            swiftSettings: strict),
        .testTarget(
            name: "SimulationTests",
            dependencies: [
                "Simulation", "FaultyDisk", "SyncCore", "Records", "RESTSource", "EventLog", "LMDB",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "DashboardTests", dependencies: ["Dashboard"], exclude: ["Golden"],
            swiftSettings: strict),
        .testTarget(
            name: "ossyncTests",
            dependencies: [
                "ossync", "Dashboard", "EventLog", "Locks", "RESTSource", "Simulation", "SyncCore",
                "StoreTestSupport", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
