import GRDB
import PharosDomain

/// The epochs of a store.
///
/// Those of empty streams are made from seeds, the others lie in its rows.
///
/// When something that was answered for may be missing, all of them must change. So the given epoch is made from the stored one
/// and a number, the era; changing that takes the same time however much is stored.
struct StoreEpochs {
    static let eraRow = -1
    private static let seedRow = -2

    /// 0: epochs are given out as they are stored.
    private let era: UInt64
    private var first: FirstEpochs
    private let write: PreparedStatement

    /// Reads the seeds.
    ///
    /// A seed that is missing or was changed by the disk is made anew: that only changes epochs.
    init(_ database: Database) throws {
        var seeds: [Int: UInt64] = [:]
        var damaged: [Int] = []
        for row in try Row.fetchAll(database, sql: "SELECT id, seed, inverse FROM seeds") {
            let (id, seed, inverse) = (row[0] as Int, row[1] as Int64, row[2] as Int64)
            if seed == ~inverse { seeds[id] = UInt64(bitPattern: seed) } else { damaged.append(id) }
        }
        write = try PreparedStatement(database, "INSERT OR REPLACE INTO seeds VALUES (?, ?, ?)")
        for id in [StoreEpochs.eraRow, StoreEpochs.seedRow] + damaged where seeds[id] == nil {
            let seed = UInt64.random(in: 1 ... .max)
            seeds[id] = seed
            try StoreEpochs.save(seed, id, write)
        }
        era = seeds.removeValue(forKey: StoreEpochs.eraRow)!
        first = FirstEpochs(seed: seeds.removeValue(forKey: StoreEpochs.seedRow)!, changed: seeds)
    }

    /// From now on every epoch is given out differently.
    static func beginEra(_ database: Database) throws {
        let write = try PreparedStatement(database, "INSERT OR REPLACE INTO seeds VALUES (?, ?, ?)")
        try save(.random(in: 1 ... .max), eraRow, write)
    }

    private static func save(
        _ seed: UInt64, _ id: Int, _ statement: PreparedStatement
    ) throws(StoreFailure) {
        statement.bind(1, Int64(id))
        statement.bind(2, seed)
        statement.bind(3, ~seed)
        try statement.run()
    }

    func told(_ stored: Epoch) -> Epoch {
        guard era != 0, !stored.isEmpty else { return stored }
        return FirstEpochs.name(FirstEpochs.hash(stored.utf8, era))
    }

    /// As stored: the epoch with which a stream begins.
    func first(of channel: ChannelName) -> Epoch { first.epoch(of: channel) }

    /// The memory of the channel's stream is lost. For a transaction.
    mutating func forget(_ channel: ChannelName) throws(StoreFailure) {
        let (number, seed) = first.forget(channel)
        try StoreEpochs.save(seed, number, write)
    }
}
