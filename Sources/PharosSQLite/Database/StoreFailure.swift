import GRDB

/// Why something could not be done with the database.
///
/// Holds nothing of what is stored.
struct StoreFailure: Error, Equatable {
    enum Cause: Equatable {
        case full, readOnly, damaged, inputOutput, busy, other
    }

    let cause: Cause
    /// SQLite's extended result code.
    let resultCode: Int32

    init(resultCode: Int32) {
        self.resultCode = resultCode
        cause =
            switch ResultCode(rawValue: resultCode & 0xff) {
            case .SQLITE_FULL: .full
            case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_CANTOPEN: .readOnly
            case .SQLITE_CORRUPT, .SQLITE_NOTADB: .damaged
            case .SQLITE_IOERR: .inputOutput
            case .SQLITE_BUSY, .SQLITE_LOCKED: .busy
            default: .other
            }
    }

    /// Damage found by us, where SQLite itself has not noticed anything.
    ///
    /// It is a wrong checksum or a missing row.
    static let damaged = StoreFailure(resultCode: ResultCode.SQLITE_CORRUPT.rawValue)

    /// For an error that SQLite gave no code for.
    static let unknown = ResultCode.SQLITE_ERROR.rawValue
    /// Something would have to be written where only looking is allowed.
    static let looksOnly = StoreFailure(resultCode: ResultCode.SQLITE_READONLY.rawValue)

    /// A text that says where an operator should look.
    func text(at path: String) -> String {
        let code = "SQLite result \(resultCode)"
        return switch cause {
        case .full:
            "cannot store in \(path): the disk is full (\(code)); free some space, and storing resumes by itself"
        case .readOnly:
            "cannot write to \(path) (\(code)); is it mounted read-only, or have its permissions changed?"
        case .damaged:
            "\(path) is damaged (\(code)); restore it from a backup, or stop the server and move it away to begin anew"
        case .inputOutput:
            "the disk of \(path) reports errors (\(code)); look at the system's log"
        case .busy, .other:
            "cannot store in \(path) (\(code): \(ResultCode(rawValue: resultCode)))"
        }
    }
}
