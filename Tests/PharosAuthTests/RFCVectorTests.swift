import PharosAuth
import PharosBytes
import PharosDomain
import Testing

/// The examples of RFC 7515 appendix A and RFC 8037 appendix A.
///
/// Their keys are in a key set.
@Suite("Vectors of the RFCs")
struct RFCVectorTests {
    /// One second before the `exp` of the examples.
    private static let thenMs: Int64 = 1_300_819_379_000
    private static let payload =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

    private func outcome(_ token: String, _ webKey: String, atMs: Int64 = thenMs) async throws
        -> TokenOutcome<ConnectionClaims>
    {
        let server = KeyServer()
        server.serve(keySet(webKey))
        let verifier = try server.verifier()
        await verifier.loadKeys()
        return verifier.verifyConnection(token: token, nowMs: atMs)
    }

    @Test("RS256 of RFC 7515 A.2, in time and one second later")
    func rsa() async throws {
        let modulus = """
            ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZ\
            S-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2\
            R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcD\
            TW9gb54h4FRWyuXpoQ
            """
        let signature = """
            cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CU\
            Ar7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_d\
            O--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0ig\
            cN_IoypGlUPQGe77Rw
            """
        let key = #"{"kty":"RSA","n":"\#(modulus)","e":"AQAB"}"#
        let token = "eyJhbGciOiJSUzI1NiJ9.\(Self.payload).\(signature)"
        #expect(try await outcome(token, key).claims?.expireAt == 1_300_819_380)
        #expect(try await outcome(token, key, atMs: Self.thenMs + 1_000) == .expired)
    }

    @Test("ES256 of RFC 7515 A.3")
    func p256() async throws {
        let key = """
            {"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",\
            "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}
            """
        let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
        let token = "eyJhbGciOiJFUzI1NiJ9.\(Self.payload).\(signature)"
        #expect(try await outcome(token, key).claims?.user == "")
    }

    // The payloads of the next two are not JSON. That they are looked at at all shows that the signatures are good.

    @Test("ES512 of RFC 7515 A.4")
    func p521() async throws {
        let key = """
            {"kty":"EC","crv":"P-521",\
            "x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",\
            "y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}
            """
        let token = """
            eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB\
            34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn
            """
        #expect(
            try await outcome(token, key)
                == .invalid(TokenFault(.malformed, "the token's payload is not a JSON object")))
    }

    @Test("Ed25519 of RFC 8037 A.4 and A.5")
    func ed25519() async throws {
        let key = #"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#
        let message = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
        let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        #expect(
            try await outcome("\(message).\(signature)", key)
                == .invalid(TokenFault(.malformed, "the token's payload is not a JSON object")))
        #expect(
            try await outcome("\(message)A.\(signature)", key)
                == .invalid(TokenFault(.signature, "the token's signature is wrong")))
    }

    @Test("a token signed with the private half of RFC 8037 A.1 opens a connection")
    func ed25519Signing() async throws {
        let seed = try #require(Base64.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A".utf8, .url))
        let key = #"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#
        let good = try token(#"{"sub":"42"}"#, .ed25519(seed: seed), .edDSA)
        #expect(try await outcome(good, key).claims?.user == "42")
    }
}
