import Foundation
import PharosDomain
import PharosSQLite
import Testing

@Suite("a store that cannot be opened says why")
struct RefusedStoreTests {
    private func refusal(_ fixture: StoreFixture) -> StoreError? {
        do throws(StoreError) {
            try fixture.open().close()
            return nil
        } catch {
            return error
        }
    }

    @Test("a second server on the same directory is refused, until the first has gone")
    func secondServer() throws {
        let fixture = StoreFixture()
        let streams = try fixture.open()
        let error = try #require(refusal(fixture))
        #expect(error.code == .inUse)
        #expect(error.message.contains("in use by another server (process \(getpid()))"))
        #expect(error.message.contains(fixture.path))
        streams.close()
        #expect(refusal(fixture) == nil)
    }

    /// A process that is being started has such a copy until it runs its program.
    @Test("a copy of the lock's descriptor does not keep the directory")
    func copiedLock() throws {
        let fixture = StoreFixture()
        let streams = try fixture.open()
        let copies = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { name -> Int32? in
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(name)")
            guard let target, target.hasPrefix(fixture.path), target.hasSuffix(".lock") else { return nil }
            return Int32(name).map { dup($0) }
        }
        defer { for copy in copies { close(copy) } }
        #expect(!copies.isEmpty)
        streams.close()
        #expect(refusal(fixture) == nil)
    }

    /// Overwrites `user_version` or `application_id` in the file.
    ///
    /// Both are big-endian: see SQLite's file format, section 1.3.
    private func overwrite(_ fixture: StoreFixture, at offset: UInt64, with bytes: [UInt8]) throws {
        let file = try FileHandle(forUpdating: URL(filePath: fixture.database))
        try file.seek(toOffset: offset)
        try file.write(contentsOf: bytes)
        try file.close()
    }

    @Test("a database of a newer version is refused and left as it is")
    func newerVersion() async throws {
        let fixture = StoreFixture()
        var streams = try fixture.open()
        try await streams.append("kept")
        streams.close()
        try overwrite(fixture, at: 60, with: [0, 0, 0, 99])
        let before = try Data(contentsOf: URL(filePath: fixture.database))
        let error = try #require(refusal(fixture))
        #expect(error.code == .newerVersion)
        #expect(error.message.contains("newer version of Pharos (its schema is 99"))
        #expect(try Data(contentsOf: URL(filePath: fixture.database)) == before)

        try overwrite(fixture, at: 60, with: [0, 0, 0, 2])
        streams = try fixture.open()
        #expect(try await streams.read().texts == ["kept"])
        streams.close()
    }

    @Test("another program's database is refused")
    func foreignDatabase() async throws {
        let fixture = StoreFixture()
        try fixture.open().close()
        try overwrite(fixture, at: 68, with: [1, 2, 3, 4])
        let error = try #require(refusal(fixture))
        #expect(error.code == .foreign)
        #expect(error.message.contains("another program"))
    }

    @Test("a file that is no database is called damaged, with its name and what to do")
    func noDatabase() throws {
        let fixture = StoreFixture()
        try FileManager.default.createDirectory(atPath: fixture.path, withIntermediateDirectories: true)
        try Data(repeating: 7, count: 10_000).write(to: URL(filePath: fixture.database))
        let error = try #require(refusal(fixture))
        #expect(error.code == .damaged)
        #expect(error.message.contains("\(fixture.database) is damaged"))
        #expect(error.message.contains("restore it from a backup"))
    }

    @Test("a directory below a file cannot be made, and the message names it")
    func belowAFile() throws {
        let fixture = StoreFixture()
        try FileManager.default.createDirectory(atPath: fixture.path, withIntermediateDirectories: true)
        let file = "\(fixture.path)/file"
        try Data().write(to: URL(filePath: file))
        for path in [file, "\(file)/store", "\(file)/a/b"] {
            let error = #expect(throws: StoreError.self) {
                try SQLiteStreams(directory: path) { _ in }.close()
            }
            #expect(error?.code == .unusable)
            #expect(error?.message.contains(file) == true)
            #expect(error?.message.contains("directory") == true)
        }
    }

    /// Permissions say nothing to root.
    @Test("a directory without permission is refused", .enabled(if: geteuid() != 0))
    func noPermission() throws {
        let fixture = StoreFixture()
        try FileManager.default.createDirectory(
            atPath: fixture.path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o500])
        let error = try #require(refusal(fixture))
        #expect(error.code == .notAllowed)
        #expect(error.message.contains("give the server's user the right"))
    }

    @Test("directories above are made as well")
    func deepPath() async throws {
        let fixture = StoreFixture()
        let streams = try SQLiteStreams(directory: "\(fixture.path)/a/b//c/") { _ in }
        #expect(try await streams.append("x").offset == 1)
        streams.close()
    }
}
