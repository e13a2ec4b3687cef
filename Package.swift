// swift-tools-version: 6.2
import PackageDescription

/// One set of settings for every Swift target: what is imported stays internal unless it is said to be public, and an
/// existential is written as one.
let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "production-cache",
    platforms: [.macOS(.v26)],
    products: [
        .library(name: "ProductionCache", targets: ["CacheCore"]),
        .library(name: "CacheSources", targets: ["CacheSources"]),
        .executable(name: "cache-server", targets: ["cache-server"]),
        .executable(name: "cache-bench", targets: ["cache-bench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        // Without its JSON provider: the file is read by our own parser, which can name an unknown key and its place.
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        // C libraries, each behind the narrowest face that does the work.
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-gnutls-dev"])]),
        .systemLibrary(name: "CMicroHTTPD", pkgConfig: "libmicrohttpd", providers: [.apt(["libmicrohttpd-dev"])]),
        .systemLibrary(name: "CGnuTLS", pkgConfig: "gnutls", providers: [.apt(["libgnutls28-dev"])]),
        .systemLibrary(name: "CSched"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CXXHash", providers: [.apt(["libxxhash-dev"])]),
        .systemLibrary(name: "CSQLite", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CPostgreSQL", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .target(name: "CSimdJSON", linkerSettings: [.linkedLibrary("simdjson")]),

        // What the library and the service share.
        .target(name: "Threading", dependencies: ["CSched"], swiftSettings: swiftSettings),
        .target(name: "FieldSyntax", swiftSettings: swiftSettings),
        .target(name: "Compression", dependencies: ["CZlib", "CZstd", "Threading"], swiftSettings: swiftSettings),

        // What asks other servers.
        .target(name: "HTTPClient", dependencies: ["CCurl", "Threading"], swiftSettings: swiftSettings),

        // The library.
        .target(
            name: "CacheCore", dependencies: ["CSimdJSON", "CXXHash", "Compression", "Threading"],
            exclude: ["Memory/Allocation.md"],
            swiftSettings: swiftSettings),

        // What is read through the cache from other servers.
        .target(
            name: "ReadThrough", dependencies: ["CacheCore", "FieldSyntax", "HTTPClient", "Threading"],
            swiftSettings: swiftSettings),

        // What a cache is filled from; apart, because it takes the client libraries of databases.
        .target(
            name: "CacheSources",
            dependencies: [
                "CHiredis", "CPostgreSQL", "CSQLite", "CacheCore", "Compression", "HTTPClient", "Threading",
            ],
            swiftSettings: swiftSettings),

        // The service.
        .target(
            name: "MicroHTTP", dependencies: ["CGnuTLS", "CMicroHTTPD", "Threading"], swiftSettings: swiftSettings),
        .target(
            name: "CacheService",
            dependencies: [
                "CGnuTLS", "CacheCore", "CacheSources", "Compression", "FieldSyntax", "Threading", "MicroHTTP",
                "ReadThrough",
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            resources: [.embedInCode("openapi.yaml")],
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "cache-server",
            dependencies: [
                "CGnuTLS",
                "CacheService",
                "CacheCore",
                "CacheSources",
                "HTTPClient",
                "MicroHTTP",
                "ReadThrough",
                "Threading",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: swiftSettings),

        // The benchmarks, and the C program that they measure the service against.
        .executableTarget(name: "bare-responder", dependencies: ["CMicroHTTPD"]),
        .executableTarget(
            name: "cache-bench",
            dependencies: [
                "CacheCore",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            swiftSettings: swiftSettings),

        // The tests, one folder a target.
        .target(
            name: "TestSupport", dependencies: ["Threading"], path: "Tests/TestSupport", swiftSettings: swiftSettings),
        .testTarget(name: "ThreadingTests", dependencies: ["Threading", "TestSupport"], swiftSettings: swiftSettings),
        .testTarget(
            name: "FieldSyntaxTests", dependencies: ["FieldSyntax"], swiftSettings: swiftSettings),
        .testTarget(
            name: "CompressionTests", dependencies: ["Compression", "TestSupport"], swiftSettings: swiftSettings),
        .systemLibrary(name: "CMalloc", path: "Tests/CMalloc"),
        .testTarget(
            name: "CacheCoreTests", dependencies: ["CMalloc", "CacheCore", "Compression", "TestSupport"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "ReadThroughTests",
            dependencies: ["CacheCore", "HTTPClient", "ReadThrough", "TestSupport", "Threading"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "HTTPClientTests", dependencies: ["Compression", "HTTPClient", "MicroHTTP", "TestSupport"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "CacheSourcesTests",
            dependencies: [
                "CSQLite", "CacheCore", "CacheSources", "Compression", "MicroHTTP", "Threading", "TestSupport",
            ],
            swiftSettings: swiftSettings),
        .testTarget(name: "MicroHTTPTests", dependencies: ["MicroHTTP", "TestSupport"], swiftSettings: swiftSettings),
        .testTarget(
            name: "CacheServiceTests",
            dependencies: [
                "CacheCore", "CacheService", "CacheSources", "Compression", "MicroHTTP", "ReadThrough", "TestSupport",
            ],
            swiftSettings: swiftSettings),
        .testTarget(name: "CacheBenchTests", dependencies: ["cache-bench", "CacheCore"], swiftSettings: swiftSettings),
        .testTarget(
            name: "CacheServerTests",
            dependencies: [
                "cache-server", "CacheCore", "CacheService", "CacheSources", "MicroHTTP", "ReadThrough", "TestSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: swiftSettings),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
