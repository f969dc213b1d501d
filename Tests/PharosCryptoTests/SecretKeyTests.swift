import PharosCrypto
import Testing

@Suite("authentication codes")
struct SecretKeyTests {
    @Test("the first two vectors and the sixth of RFC 4231")
    func vectors() {
        let first = SecretKey(Array(repeating: 0x0b, count: 20))
        #expect(
            first.code(for: Array("Hi There".utf8), .sha256)
                == bytes("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"))
        let second = SecretKey(Array("Jefe".utf8))
        #expect(
            second.code(for: Array("what do ya want for nothing?".utf8), .sha384)
                == bytes(
                    """
                    af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e\
                    8e2240ca5e69e2c78b3239ecfab21649
                    """))
        let long = SecretKey(Array(repeating: 0xaa, count: 131))
        #expect(
            long.code(for: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8), .sha512)
                == bytes(
                    """
                    80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352\
                    6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598
                    """))
    }

    @Test("a code is valid whole and for its message only, also with an empty secret")
    func validity() {
        for secret in [[], Array("secret".utf8)] {
            let key = SecretKey(secret)
            for message in [[], Array("message".utf8)] {
                let code = key.code(for: message, .sha256)
                #expect(key.isValid(code, for: message, .sha256))
                #expect(!key.isValid(code, for: message, .sha384))
                #expect(!key.isValid(code, for: message + [0], .sha256))
                #expect(!key.isValid(Array(code.dropLast()), for: message, .sha256))
                #expect(!key.isValid([], for: message, .sha256))
                #expect(!SecretKey(secret + [1]).isValid(code, for: message, .sha256))
            }
        }
    }
}
