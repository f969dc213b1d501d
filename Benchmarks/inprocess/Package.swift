// swift-tools-version: 6.2
import PackageDescription

// How many publications a subscriber inside the process takes, on one core: a package of its own, so that it builds without
// any other package. The code is reached through symbolic links in `Sources`, so that `package` access works.
//
//     swift build -c release && taskset -c 0 .build/release/pharos-inprocess-bench
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func core(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

let package = Package(
    name: "pharos",
    targets: [
        .target(name: "CPharosSys", linkerSettings: [.linkedLibrary("z")]),
        core("PharosBytes", ["CPharosSys"]),
        core("PharosDomain"),
        core("PharosProtocol", ["PharosBytes", "PharosDomain"]),
        .target(name: "CPharosTLS", linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
        core("PharosTLS", ["CPharosTLS", "PharosBytes"]),
        .target(name: "CPharosHTTP2", linkerSettings: [.linkedLibrary("nghttp2")]),
        core("PharosHTTP2", ["CPharosHTTP2"]),
        core("PharosEdge", ["CPharosSys", "CPharosTLS", "PharosBytes", "PharosTLS", "CPharosHTTP2", "PharosHTTP2"]),
        core("PharosMemory", ["PharosDomain"]),
        core("PharosChannels", ["PharosBytes", "PharosDomain"]),
        core("PharosCluster", ["CPharosSys", "PharosBytes", "PharosDomain", "PharosProtocol"]),
        core(
            "PharosServices",
            [
                "CPharosSys", "PharosBytes", "PharosDomain", "PharosProtocol", "PharosEdge", "PharosMemory",
                "PharosChannels", "PharosCluster", "PharosTLS", "PharosHTTP2",
            ]),
        .executableTarget(
            name: "pharos-inprocess-bench",
            dependencies: ["PharosBytes", "PharosDomain", "PharosProtocol", "PharosServices"], swiftSettings: strict),
    ]
)
