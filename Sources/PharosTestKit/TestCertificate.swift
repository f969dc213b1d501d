package import PharosEdge
package import PharosTLS

#if canImport(Glibc)
    import Glibc
#endif

/// A certificate for `localhost` and 127.0.0.1 that only its clients trust.
///
/// Its key is in this file.
package enum TestCertificate {
    /// Files of this process; made at the first use, once.
    private static let files: (certificate: String, key: String) = {
        let directory = "/tmp/pharos-test-certificate-\(getpid())"
        mkdir(directory, 0o700)
        func write(_ text: String, _ name: String) -> String {
            let path = "\(directory)/\(name)"
            guard let file = fopen(path, "w") else { preconditionFailure("\(path) cannot be written") }
            fputs(text, file)
            fclose(file)
            return path
        }
        return (write(certificate, "certificate.pem"), write(key, "key.pem"))
    }()

    package static let server: any TLSContextSource = Source()
    package static let client: TLSContext = {
        guard let context = try? TLSContext.client(authoritiesFile: files.certificate) else {
            preconditionFailure("the test certificate cannot be trusted")
        }
        return context
    }()

    private final class Source: TLSContextSource {
        let context: TLSContext

        init() {
            let identity = TLSIdentity(certificateFile: files.certificate, keyFile: files.key)
            guard let tickets = try? TLSTicketKeys(), let context = try? TLSContext.server([identity], tickets: tickets)
            else { preconditionFailure("the test certificate cannot be used") }
            self.context = context
        }
    }

    private static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBojCCAUegAwIBAgIUFMFAtbCGt5HCoS+qkJZ+6GDAcvAwCgYIKoZIzj0EAwIw
        FzEVMBMGA1UEAwwMUGhhcm9zIHRlc3RzMCAXDTI2MTEyOTExNDQzMloYDzIxMjYx
        MTA1MTE0NDMyWjAXMRUwEwYDVQQDDAxQaGFyb3MgdGVzdHMwWTATBgcqhkjOPQIB
        BggqhkjOPQMBBwNCAAR++uoa7LB8IMTB1xE2DjWHwLq/6CF/oA9wKEH05+iQ9sE5
        GVPKatbcXA0uYxqMElQVbX5QwBVkrZepT4zylqNqo28wbTAdBgNVHQ4EFgQUqxTB
        447xv2Fl/UfkoCZyeNLzc1cwHwYDVR0jBBgwFoAUqxTB447xv2Fl/UfkoCZyeNLz
        c1cwDwYDVR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEw
        CgYIKoZIzj0EAwIDSQAwRgIhAMEPN4hrCBYSGaB0CscDjtJL18KXfS2bLjIO6ef/
        /p7eAiEA5LLaY9PWrD3IA4dsTdGgHO4mnn/MV5eDVW/1NMQiYyE=
        -----END CERTIFICATE-----

        """

    private static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgLIiqi2k7M4RKDC9v
        TfJr7t8biezk+ed9vrl299RT9mWhRANCAAR++uoa7LB8IMTB1xE2DjWHwLq/6CF/
        oA9wKEH05+iQ9sE5GVPKatbcXA0uYxqMElQVbX5QwBVkrZepT4zylqNq
        -----END PRIVATE KEY-----

        """
}
