/// Keys as other programs write them, made for these tests alone.
enum KeyTexts {
    /// PKCS #1.
    static let rsaPublic = """
        -----BEGIN RSA PUBLIC KEY-----
        MIIBCgKCAQEA1L6RHrZrwmXG93pnlLJDj9eGcwVlpVqjMb19jG8d4GqzoO3sOvmU
        rJFyiRGUeO4oyFBa8kDY6q2Fv505mIUfswVRScdyVEbHJY4ML6ulW1L7KX4uqhxu
        mjGVqss9f92We1rYqGWrAwqyYcqsetWYbwByK2xL2MSDcttBdwF2OyfrO7kP7a0K
        YWjdub8UGf/AUMA68HjKAua42DRifHVYI5sEHYAcuMhxUWinXMbx+nUq255guMdM
        chHHzz/uAbIPkghmDlWVQGbLuAJ1/Ff4vKJGE8vqowMUvo4I9dKifwUvmr0IXJq8
        SaTHo7moKyKvB+Mq/33k2Wqofk+wWNtyRwIDAQAB
        -----END RSA PUBLIC KEY-----
        """

    /// SEC 1.
    static let sec1 = """
        -----BEGIN EC PRIVATE KEY-----
        MHcCAQEEIB402GrpH7xLrcYzOsbH1RBNBeRiqfGcv34z4CMwhZ+3oAoGCCqGSM49
        AwEHoUQDQgAEJP+E9T4TFjQobsRzSU2m2U7F/yzIQCDGiPkL1cdKQpNnVS1tm/CA
        ZKpVZEpIIS5d9JB85yxVMMh9Fd/BAaMXiA==
        -----END EC PRIVATE KEY-----
        """

    /// PKCS #8, with a pass phrase.
    static let encrypted = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhB+kmLeUc5EwICCAAw
        DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEEP+Znr2RUVdaRb+5Tw3MY4IEgZAL
        8YDdrMA7JbWNzm91z0jMNWl5cZh//z7wAqWepLLDjwC8TzypuDDUdBLnb4RKoaen
        LXQWYgBBmXP+jHfNVyRKCiyYP2l2EpDNkwxWXLwes/eLyja3z8JnAZiDFwtkQEva
        kkELbZcu0K1maAmD+YyK4J0l5e/bSjTc6vYcsfcPU/Fzi1IIrP+IkDJFBrYOf0o=
        -----END ENCRYPTED PRIVATE KEY-----
        """

    /// On secp256k1, which has as many bits as P-256.
    static let otherCurve = """
        -----BEGIN PUBLIC KEY-----
        MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEaCUe2V7fKtOAZiRGso9YgEsy6itpSIue
        tFyTT53t7fHygvYB/SqmpDlJIfvEmJXruwnOEulMfEUMNs2aZhKUGA==
        -----END PUBLIC KEY-----
        """
}
