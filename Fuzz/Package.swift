// swift-tools-version: 6.2
import PackageDescription

// The fuzzers: a package of their own, since they are built with other flags and have no `main`.
//
// The code under test is reached through symbolic links in `Sources`, so that `package` access works and every module is
// compiled with coverage and the address sanitizer. `scripts/fuzz` builds and runs all of them.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func fuzzer(_ name: String, _ properties: Target.Dependency) -> Target {
    .executableTarget(name: name, dependencies: [properties], swiftSettings: strict)
}

// What every engine over links is made of.
let engine: [Target.Dependency] = [
    "CPharosSys", "PharosBytes", "PharosDomain", "PharosProtocol", "PharosLinks", "PharosCluster", "PharosTLS",
]

let package = Package(
    name: "pharos",
    targets: [
        .target(name: "CPharosSys", linkerSettings: [.linkedLibrary("z")]),
        library("PharosBytes", ["CPharosSys"]),
        library("PharosDomain"),
        library("PharosProtocol", ["PharosBytes", "PharosDomain"]),
        library("PharosEdge", ["CPharosSys", "CPharosTLS", "PharosBytes", "PharosTLS", "CPharosHTTP2", "PharosHTTP2"]),
        .target(name: "CPharosHTTP2", linkerSettings: [.linkedLibrary("nghttp2")]),
        library("PharosHTTP2", ["CPharosHTTP2"]),
        .target(name: "CPharosTLS", linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
        library("PharosTLS", ["CPharosTLS", "PharosBytes"]),
        library("PharosNATS", ["PharosBytes", "PharosProtocol"]),
        library("PharosRedis", ["PharosBytes"]),
        library("PharosMemory", ["PharosDomain"]),
        library("PharosChannels", ["PharosBytes", "PharosDomain"]),
        library("PharosLinks", ["CPharosSys", "PharosBytes", "PharosTLS"]),
        library("PharosCluster", ["CPharosSys", "PharosBytes", "PharosDomain", "PharosProtocol"]),
        .target(name: "CPharosCrypto", linkerSettings: [.linkedLibrary("crypto")]),
        library("PharosCrypto", ["CPharosCrypto"]),
        library("PharosTopic", engine + ["PharosChannels", "PharosCrypto"]),
        library("PharosNATSEngine", engine + ["PharosNATS"]),
        library("PharosRedisEngine", engine + ["PharosRedis"]),
        library(
            "PharosServices",
            [
                "CPharosSys", "PharosBytes", "PharosDomain", "PharosProtocol", "PharosEdge", "PharosMemory",
                "PharosChannels", "PharosCluster", "PharosTLS",
            ]),
        library("PharosTOML"),
        library("TLSProperties", ["PharosTLS"]),
        library("HTTP2Properties", ["PharosHTTP2", "CPharosHTTP2"]),
        library("DocumentProperties", ["PharosTOML"]),
        library("BrokerProperties", ["PharosNATS", "PharosRedis"]),
        library("ProtocolProperties", ["PharosProtocol", "PharosBytes", "PharosDomain"]),
        library("EdgeProperties", ["PharosEdge", "PharosBytes"]),
        library("TopicProperties", ["PharosTopic", "PharosCluster", "PharosProtocol", "PharosBytes"]),
        library("NodeProperties", ["PharosServices", "PharosDomain"]),
        library(
            "NATSEngineProperties",
            ["PharosNATSEngine", "PharosNATS", "PharosCluster", "PharosLinks", "PharosDomain"]),
        library("RedisEngineProperties", ["PharosRedisEngine", "PharosRedis", "PharosLinks", "PharosDomain"]),
        fuzzer("JSONCommandFuzz", "ProtocolProperties"),
        fuzzer("ProtobufCommandFuzz", "ProtocolProperties"),
        fuzzer("ServerAPIFuzz", "ProtocolProperties"),
        fuzzer("FossilDeltaFuzz", "ProtocolProperties"),
        fuzzer("HTTPRequestFuzz", "ProtocolProperties"),
        fuzzer("CursorFuzz", "ProtocolProperties"),
        fuzzer("IdentifierFuzz", "ProtocolProperties"),
        fuzzer("RawServiceFuzz", "ProtocolProperties"),
        fuzzer("HookAnswerFuzz", "ProtocolProperties"),
        fuzzer("RequestHeadFuzz", "EdgeProperties"),
        fuzzer("WebSocketFrameFuzz", "EdgeProperties"),
        fuzzer("CompressedFrameFuzz", "EdgeProperties"),
        fuzzer("TLSSessionFuzz", "TLSProperties"),
        fuzzer("HTTP2SessionFuzz", "HTTP2Properties"),
        fuzzer("NATSFuzz", "BrokerProperties"),
        fuzzer("RESPFuzz", "BrokerProperties"),
        fuzzer("TopicFrameFuzz", "TopicProperties"),
        fuzzer("EnvelopeFuzz", "TopicProperties"),
        fuzzer("NodeFrameFuzz", "NodeProperties"),
        fuzzer("NodeFragmentsFuzz", "NodeProperties"),
        fuzzer("NATSEngineFuzz", "NATSEngineProperties"),
        fuzzer("RedisEngineFuzz", "RedisEngineProperties"),
        fuzzer("TOMLFuzz", "DocumentProperties"),
    ]
)
