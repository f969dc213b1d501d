// swift-tools-version: 6.2
import PackageDescription

// The map of Pharos, from the core outward. Imports point inward only; ARCHITECTURE.md draws it.
//
// `PHAROS_CORE=1` leaves out everything that depends on another package. What remains (the edge, the domain, the
// protocol, the shard services) builds in seconds: sanitizers and fuzzers run over exactly that.
let coreOnly = Context.environment["PHAROS_CORE"] == "1"

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func core(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource]? = nil) -> Target {
    .testTarget(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

// A program that embeds the library, and sees of it what every other package sees. Each has a manifest of its own as well,
// to be copied from here; built from here, it shares what is built anyway.
func example(_ name: String, path: String? = nil) -> Target {
    .executableTarget(
        name: name,
        dependencies: [
            "Pharos", .product(name: "Hummingbird", package: "hummingbird"),
            .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            .product(name: "Logging", package: "swift-log"),
        ],
        path: path ?? "Examples/\(name)/Sources/\(name)", packageAccess: false)
}

// For `pharos version`: scripts that build the server say what they build. Without it the program tells its version alone.
let commit = (Context.environment["PHAROS_COMMIT"] ?? "").filter { $0.isLetter || $0.isNumber || $0 == "-" }

var dependencies: [Package.Dependency] = []
var products: [Product] = []

var targets: [Target] = [
    .target(name: "CPharosSys", linkerSettings: [.linkedLibrary("z")]),
    core("PharosBytes", ["CPharosSys"]),
    core("PharosDomain"),
    core("PharosProtocol", ["PharosBytes", "PharosDomain"]),
    core("PharosTOML"),
    .target(name: "CPharosTLS", linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
    core("PharosTLS", ["CPharosTLS", "PharosBytes"]),
    .target(name: "CPharosHTTP2", linkerSettings: [.linkedLibrary("nghttp2")]),
    core("PharosHTTP2", ["CPharosHTTP2"]),
    core("PharosEdge", ["CPharosSys", "PharosBytes", "CPharosTLS", "PharosTLS", "CPharosHTTP2", "PharosHTTP2"]),
    core("PharosMemory", ["PharosDomain"]),
    core("PharosLinks", ["CPharosSys", "PharosBytes", "PharosTLS"]),
    // The system's OpenSSL: a library of our own would be the longest part of the build.
    .target(name: "CPharosCrypto", linkerSettings: [.linkedLibrary("crypto")]),
    core("PharosCrypto", ["CPharosCrypto"]),
    core("PharosCluster", ["CPharosSys", "PharosBytes", "PharosDomain", "PharosProtocol"]),
    core("PharosNATS", ["PharosBytes", "PharosProtocol"]),
    core("PharosRedis", ["PharosBytes"]),
    core(
        "PharosNATSEngine",
        [
            "CPharosSys", "PharosBytes", "PharosDomain", "PharosProtocol", "PharosLinks", "PharosCluster", "PharosNATS",
            "PharosTLS",
        ]),
    core(
        "PharosRedisEngine",
        [
            "CPharosSys", "PharosBytes", "PharosDomain", "PharosProtocol", "PharosLinks", "PharosCluster",
            "PharosRedis", "PharosTLS",
        ]),
    core("PharosChannels", ["PharosBytes", "PharosDomain"]),
    core(
        "PharosTopic",
        [
            "CPharosSys", "PharosBytes", "PharosDomain", "PharosProtocol", "PharosLinks", "PharosCluster",
            "PharosChannels", "PharosCrypto", "PharosTLS",
        ]),
    core(
        "PharosServices",
        [
            "CPharosSys", "PharosBytes", "PharosDomain", "PharosProtocol", "PharosEdge", "PharosMemory",
            "PharosChannels", "PharosCluster", "PharosTLS", "PharosHTTP2",
        ]),
    core(
        "PharosTestKit",
        [
            "CPharosSys", "PharosBytes", "PharosDomain", "PharosEdge", "PharosProtocol", "PharosServices", "PharosTLS",
            "PharosMemory",
        ]),
    .executableTarget(
        name: "pharos-echo", dependencies: ["CPharosSys", "PharosEdge"], path: "Tests/Echo", swiftSettings: strict),
    tests("PharosBytesTests", ["PharosBytes", "CPharosSys", "PharosTestKit"]),
    tests("PharosDomainTests", ["PharosDomain", "PharosTestKit"]),
    tests("PharosTOMLTests", ["PharosTOML", "PharosTestKit"]),
    tests("PharosProtocolTests", ["PharosProtocol", "PharosDomain", "PharosBytes", "PharosTestKit"]),
    tests(
        "PharosEdgeTests",
        ["PharosEdge", "PharosBytes", "PharosTLS", "PharosHTTP2", "PharosTestKit", "CPharosSys"]),
    tests("PharosHTTP2Tests", ["PharosHTTP2", "CPharosHTTP2", "PharosTestKit"]),
    tests("PharosTLSTests", ["PharosTLS", "CPharosTLS", "PharosTestKit"]),
    tests("PharosMemoryTests", ["PharosMemory", "PharosDomain", "PharosTestKit"]),
    tests(
        "PharosTopicTests",
        [
            "PharosTopic", "PharosLinks", "PharosCluster", "PharosChannels", "PharosDomain", "PharosProtocol",
            "PharosBytes", "PharosMemory", "PharosTestKit", "CPharosSys",
        ]),
    tests("PharosLinksTests", ["PharosLinks", "PharosBytes", "PharosTLS", "CPharosSys", "PharosTestKit"]),
    tests("PharosClusterTests", ["PharosCluster", "PharosDomain", "PharosProtocol", "PharosBytes", "PharosTestKit"]),
    tests("PharosNATSTests", ["PharosNATS", "PharosRedis", "PharosBytes", "PharosTestKit"]),
    tests(
        "PharosNATSEngineTests",
        [
            "PharosNATSEngine", "PharosNATS", "PharosLinks", "PharosCluster", "PharosDomain", "PharosProtocol",
            "PharosBytes", "PharosTestKit", "CPharosSys",
        ]),
    tests(
        "PharosRedisEngineTests",
        [
            "PharosRedisEngine", "PharosRedis", "PharosLinks", "PharosCluster", "PharosDomain", "PharosProtocol",
            "PharosBytes", "PharosTestKit", "CPharosSys",
        ]),
    tests("PharosRedisTests", ["PharosRedis", "PharosBytes", "PharosTestKit"]),
    tests("PharosChannelsTests", ["PharosChannels", "PharosMemory", "PharosDomain", "PharosTestKit"]),
    tests(
        "PharosServicesTests",
        [
            "PharosServices", "PharosTestKit", "PharosDomain", "PharosProtocol", "PharosBytes", "PharosEdge",
            "PharosChannels", "PharosMemory", "PharosCluster", "CPharosSys",
        ]),
]

if !coreOnly {
    products = [
        .executable(name: "pharos", targets: ["PharosCLI"]),
        .library(name: "Pharos", targets: ["Pharos"]),
    ]
    dependencies = [
        // Without its own configuration, and without what needs the whole of Foundation: we use neither.
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    ]
    targets += [
        core("PharosAuth", ["PharosBytes", "PharosDomain", "PharosCrypto"]),
        core(
            "PharosSQLite",
            [
                "PharosBytes", "PharosDomain", "CPharosSys", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]),
        core(
            "PharosOrigin",
            [
                "PharosBytes", "PharosCrypto", "PharosDomain", "PharosProtocol", "PharosTLS",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
            ]),
        core(
            "PharosConfiguration",
            ["PharosDomain", "PharosProtocol", "PharosTOML", .product(name: "Yams", package: "Yams")]),
        .target(
            name: "PharosAPI",
            dependencies: [
                "PharosBytes", "PharosDomain", "PharosProtocol", "PharosServices",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
            ],
            resources: [.embedInCode("Web")],
            swiftSettings: strict),
        core(
            "Pharos",
            [
                "CPharosSys", "PharosBytes", "PharosDomain", "PharosMemory", "PharosProtocol", "PharosServices",
                "PharosAuth",
                "PharosConfiguration", "PharosAPI", "PharosSQLite", "PharosOrigin", "PharosEdge", "PharosTLS",
                "PharosCluster", "PharosLinks", "PharosTopic", "PharosNATS", "PharosNATSEngine", "PharosRedis",
                "PharosRedisEngine", "PharosCrypto",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .target(name: "CPharosBuild", cSettings: [.define("PHAROS_COMMIT", to: "\"\(commit)\"")]),
        .executableTarget(
            name: "PharosCLI",
            dependencies: [
                "Pharos", "PharosConfiguration", "PharosAuth", "PharosDomain", "PharosBytes", "PharosProtocol",
                "PharosEdge", "PharosTLS",
                "CPharosSys", "CPharosBuild",
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        example("Chat"), example("Ticker"),
        // What the documentation shows, to be run. It sees the library as every other package does, too.
        example("Snippets", path: "Tests/Snippets"),
        tests("PharosCryptoTests", ["PharosCrypto"]),
        tests("PharosAuthTests", ["PharosAuth", "PharosBytes", "PharosCrypto", "PharosDomain", "PharosTestKit"]),
        tests(
            "PharosSQLiteTests", ["PharosSQLite", "PharosChannels", "PharosDomain", "PharosMemory", "PharosTestKit"]),
        tests(
            "PharosOriginTests",
            [
                "PharosOrigin", "PharosDomain", "PharosProtocol", "PharosBytes", "PharosTLS",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        tests("PharosConfigurationTests", ["PharosConfiguration", "PharosDomain"]),
        tests(
            "PharosAPITests",
            [
                "PharosAPI", "PharosDomain", "PharosEdge", "PharosProtocol", "PharosServices", "PharosTestKit",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
            ]),
        tests(
            "PharosCLITests",
            [
                "PharosCLI", "PharosDomain", "CPharosSys",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        tests(
            "PharosTests",
            [
                "Pharos", "PharosBytes", "PharosDomain", "PharosProtocol", "PharosTestKit",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ]),
    ]
}

let package = Package(name: "pharos", products: products, dependencies: dependencies, targets: targets)
