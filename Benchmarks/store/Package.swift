// swift-tools-version: 6.2
import PackageDescription

// How fast the durable store is, against the same group commits with SQLite's own C interface: a package of its own, since
// it reaches below the store. The code is reached through symbolic links in `Sources`, so that `package` access works.
//
//     swift run -c release pharos-store-bench
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")

let package = Package(
    name: "pharos",
    dependencies: [.package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0")],
    targets: [
        .target(name: "CPharosSys", linkerSettings: [.linkedLibrary("z")]),
        .target(name: "PharosBytes", dependencies: ["CPharosSys"], swiftSettings: strict),
        .target(name: "PharosDomain", swiftSettings: strict),
        .target(
            name: "PharosSQLite", dependencies: ["PharosBytes", "PharosDomain", "CPharosSys", grdb],
            swiftSettings: strict),
        .executableTarget(
            name: "pharos-store-bench",
            dependencies: [
                "CPharosSys", "PharosDomain", "PharosSQLite", .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
    ]
)
