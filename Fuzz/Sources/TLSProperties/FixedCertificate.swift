#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

package import PharosTLS

/// A certificate for localhost with its key, good from 2020 to 2120.
///
/// Only tests have ever used it.
///
/// Fuzzers have it ready: making one takes longer than thousands of inputs.
package enum FixedCertificate {
    /// A server's and a client's context; the client trusts nothing else.
    ///
    /// Nil: the files could not be written.
    package static let contexts: (server: TLSContext, client: TLSContext)? = {
        var pattern = Array("/tmp/pharos-tls-XXXXXX".utf8CString)
        guard let made = mkdtemp(&pattern) else { return nil }
        let directory = String(cString: made)
        let (certificateFile, keyFile) = (directory + "/certificate.pem", directory + "/key.pem")
        defer {
            unlink(certificateFile)
            unlink(keyFile)
            rmdir(directory)
        }
        guard write(certificate, to: certificateFile), write(key, to: keyFile), let tickets = try? TLSTicketKeys(),
            let server = try? TLSContext.server(
                [TLSIdentity(certificateFile: certificateFile, keyFile: keyFile)], tickets: tickets),
            let client = try? TLSContext.client(authoritiesFile: certificateFile)
        else { return nil }
        return (server, client)
    }()

    private static func write(_ text: String, to file: String) -> Bool {
        guard let handle = fopen(file, "w") else { return false }
        let isWritten = fputs(text, handle) >= 0
        return fclose(handle) == 0 && isWritten
    }

    private static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBYTCCAQegAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv
        c3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
        CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABPZ68Zm1QOwXb0Qz
        Ubz0qvj22jnvUBx6hUj/BBQYeQq7G3mp33/kAnissb9jbDcfNCbkyoIt2bfkdaJH
        UfopBV+jSDBGMBQGA1UdEQQNMAuCCWxvY2FsaG9zdDAPBgNVHRMBAf8EBTADAQH/
        MB0GA1UdDgQWBBSrx4ZRBvuU8+R8BLzf9ddiW68AfzAKBggqhkjOPQQDAgNIADBF
        AiEA1TC9hFAH8ddoOTVf6O7mQ2MW9+cs+QeKoX8OQbjfqZUCIB7rNb9NI/VC4t1H
        ONXDWTd3ujjwISxUAIUHAWVWBHXA
        -----END CERTIFICATE-----

        """

    private static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgcg0lf33/TDv2qb5Y
        NAmRd6rOkG6of6V3geJWnaN4sGShRANCAAT2evGZtUDsF29EM1G89Kr49to571Ac
        eoVI/wQUGHkKuxt5qd9/5AJ4rLG/Y2w3HzQm5MqCLdm35HWiR1H6KQVf
        -----END PRIVATE KEY-----

        """
}
