import PharosConfiguration
import Testing

@Suite("Suggestions")
struct SuggestionTests {
    @Test(
        "distance counts inserts, deletes, replacements and swapped neighbours",
        arguments: [
            ("port", "port", 0), ("prot", "port", 1), ("por", "port", 1), ("ports", "port", 1), ("pert", "port", 1),
            ("", "port", 4), ("abc", "cab", 2),
        ])
    func distance(left: String, right: String, distance: Int) {
        #expect(Suggestion.editDistance(left, right) == distance)
        #expect(Suggestion.editDistance(right, left) == distance)
    }

    @Test(
        "the name that was probably meant is found",
        arguments: [
            ("channel.namespace", "channel.namespaces"),
            ("http_server.prot", "http_server.port"),
            ("port", "http_server.port"),
            ("api_key", "http_api.key"),
            ("token_hmac_secret_key", "client.token.hmac_secret_key"),
            ("namespaces", "channel.namespaces"),
        ])
    func closest(unknown: String, meant: String) {
        let names = ConfigurationSchema.keys.filter { $0.onlyAccepts == nil }.map(\.name)
        #expect(Suggestion.closest(to: unknown, among: names) == meant)
    }

    @Test("nothing is suggested where nothing is near")
    func nothing() {
        #expect(Suggestion.closest(to: "zebra", among: ["http_server.port", "log.level"]) == nil)
    }
}
