// swift-tools-version: 6.2
import PackageDescription

// What a question to an origin costs Pharos in CPU, against a server that answers at once: a package of its own, since it
// reaches below the composition. The code is reached through symbolic links in `Sources`, so that `package` access works.
//
//     swift run -c release pharos-origin-bench
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let core: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let posix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")

let package = Package(
    name: "pharos",
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
    ],
    targets: [
        .target(name: "CPharosCrypto", linkerSettings: [.linkedLibrary("crypto")]),
        .target(name: "PharosCrypto", dependencies: ["CPharosCrypto"], swiftSettings: strict),
        .target(name: "CPharosSys", linkerSettings: [.linkedLibrary("z")]),
        .target(name: "PharosBytes", dependencies: ["CPharosSys"], swiftSettings: strict),
        .target(name: "CPharosTLS", linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
        .target(name: "PharosTLS", dependencies: ["CPharosTLS", "PharosBytes"], swiftSettings: strict),
        .target(name: "PharosDomain", swiftSettings: strict),
        .target(name: "PharosProtocol", dependencies: ["PharosBytes", "PharosDomain"], swiftSettings: strict),
        .target(
            name: "PharosOrigin",
            dependencies: [
                "PharosBytes", "PharosCrypto", "PharosDomain", "PharosProtocol", "PharosTLS", core, posix,
                .product(name: "NIOTLS", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "pharos-origin-bench", dependencies: ["PharosBytes", "PharosDomain", "PharosOrigin", core, posix],
            swiftSettings: strict),
    ]
)
