/// RSA key pairs made for these tests alone (`openssl genpkey -algorithm RSA`).
enum RSAFixtures {
    static let privateKey = """
        -----BEGIN PRIVATE KEY-----
        MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCxmlDlmCemeAmS
        64So/vqneIl2/YGFB3B/x7UXlEMhuUFlGj3x5HRbMtRpXlSBvPEDK4rvD+Vmjp8k
        bJmaKrXaJDki8hMR0uOcJ4yuRN3eEMGW3S40Drwa4aV9e9GEv4+CGwzC0XJDAyCP
        ofzZyW315venD67H220E4+viaALJbXvkk0oEGRHODzRB9smZvuVqIcEeSg3aHFVm
        5eroiSTAo2zhcvAeOGXmtyKc7Jqdoi5EINys0gVog7ZYjK6Gl57EBUlfKnrBKNgU
        hlNQeUfHedGC4fvCWhvZwySQOFKr20fzShwpLsYuCbsDwrF33W/1rN1CRaX4zX2Z
        kCbTK7ClAgMBAAECgf8iM68tVJ/nu8+1yD7df9aSNoqo349ejvabPo2HsB89eO+f
        CLt+wDNBwztX3B9qD98m1rvRGr6StLFXa/j1aqqapJJcQg7QeX+O36iEs75suJoo
        828/MMpvL57IpSk0GnyiEZN9JD72dYochWJFwdGE1kKnz91Y0s9Fbp8YFFYOpzSN
        Qh0aDnNTyBZDy0kHESuIUS0EprSck0LIFDL2GVXdBAKr8wTRr8YHC0up0MXptBkY
        A+PkNtawQQr9naYmIkNy+U6amvg2X1wO8rQ6Kjgj2KBpd5B3t18R6AzxcCA++Bm3
        NNE1u7Ly/1R9UzWBv0dEjMT9g+YDEB0UHDgK6FECgYEA5bdcFDH6ubg2LQSs7thK
        ttFMCMTPswJgS7FtsqazCWSOaTwqSrMnzIbhrB65RNYAeb/ilGq+U4m0ABZ7LDVu
        AXNqSge08yiiyYqB2lBhEluSdBjYlmZQQ+kYnUjHSaPyG1oPKY4L2hFQApIGNSPO
        0ERvJ6ZTJhkYPhFerVLX9PkCgYEAxex/DHyYGduF3wO/d/tXHXahOwW8Ldv9Fuo6
        hvov9SEjsKDRyF+c1xgVNpWCmBlHS6NUsaKjYFS5OFzD7oIQGxEPip8N0DORG1xI
        LEbgZ8PW6+lKbXzaYy0EQXCF93WAj1a6hG/GcizXbTfPtMNoiMROptxqglQ5h365
        BGQmQA0CgYEA09m+OYG+UPjqPapKMhuXC/MJxCx9wAE4/ZWsLU4/XzI1hCfQeQOw
        eJcMGMhc5HbYCXBFbcrjq/ca4dnZznOX+A6Qv6VL49ReDLCIAOaQH3YEIr2nQU0q
        SPb3lFZCNE/WQBNWWGR/2aSNvVEeGHPlj30NZeumU0RhbxxlzELSl0ECgYEAxXY1
        KtgDR4jj/qNWmvV+7D42jRQjsf0Qe5Qj4BYrUnxFhyprIWWCrHWydEqlh+lwX94L
        2U1RggIE6F5ke8f3GYnj34Df3yATXSCsQMBVkjCoc6TERIeTue5nmIISpdfs8xSr
        8QUzDyX9p1FPQCDUYd64OXEeMfiljLC5FdB0+OECgYEAw3v2Q/BeFPyUpL4XlQ1i
        fBVekpTYJ52zuaq0AqMBE5SjAkVy7MpAYr3lRBrvhjl258potM+S+wDv+tfp4q01
        /cio/CYpH994eOr4M/CQz7WYlo9g0U9YD9o35bzf8llNZgP0wpx4TACudneupC7R
        230/FuDX4YG+/uL7+En0bKA=
        -----END PRIVATE KEY-----
        """

    static let publicKey = """
        -----BEGIN PUBLIC KEY-----
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAsZpQ5ZgnpngJkuuEqP76
        p3iJdv2BhQdwf8e1F5RDIblBZRo98eR0WzLUaV5UgbzxAyuK7w/lZo6fJGyZmiq1
        2iQ5IvITEdLjnCeMrkTd3hDBlt0uNA68GuGlfXvRhL+PghsMwtFyQwMgj6H82clt
        9eb3pw+ux9ttBOPr4mgCyW175JNKBBkRzg80QfbJmb7laiHBHkoN2hxVZuXq6Ikk
        wKNs4XLwHjhl5rcinOyanaIuRCDcrNIFaIO2WIyuhpeexAVJXyp6wSjYFIZTUHlH
        x3nRguH7wlob2cMkkDhSq9tH80ocKS7GLgm7A8Kxd91v9azdQkWl+M19mZAm0yuw
        pQIDAQAB
        -----END PUBLIC KEY-----
        """

    /// The modulus of `publicKey`, as in a JWK.
    static let modulus = """
        sZpQ5ZgnpngJkuuEqP76p3iJdv2BhQdwf8e1F5RDIblBZRo98eR0WzLUaV5UgbzxAyuK7w_lZo6f\
        JGyZmiq12iQ5IvITEdLjnCeMrkTd3hDBlt0uNA68GuGlfXvRhL-PghsMwtFyQwMgj6H82clt9eb3\
        pw-ux9ttBOPr4mgCyW175JNKBBkRzg80QfbJmb7laiHBHkoN2hxVZuXq6IkkwKNs4XLwHjhl5rci\
        nOyanaIuRCDcrNIFaIO2WIyuhpeexAVJXyp6wSjYFIZTUHlHx3nRguH7wlob2cMkkDhSq9tH80oc\
        KS7GLgm7A8Kxd91v9azdQkWl-M19mZAm0yuwpQ
        """

    static let strangersPrivateKey = """
        -----BEGIN PRIVATE KEY-----
        MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQDWYEvAWymtwq6y
        7wgh1TdyvTpUkCzKDUL/JfksnbzDtWMzcwy+Q80JZUvGDCF5rlHDbw0iSXWAHN+9
        4yWtGVuU+UB/zFpv6UbM6UmVXeM23TqnrgS4MKZlJUcmQDo/yF+xCb/qCWW8MoAz
        LIA3TMuzf8qEWH5gvj3WJUcx+KnuawFQBfGDQhsd4XXheAOMH7tWUkoWyHLT2og1
        09r/FDH2Iaxe3JMqIT8KZulB15RK4jz3UPXV6f2al/3cLkEXUhovN3ZoNELuelIN
        IOUL+MSt5HDd7gXEuE8aYds8WUi6nwC2xLRM2FYM2+VjIQfKGrlVgJkpKkAsAwqL
        5xr8geDJAgMBAAECggEADn6ZDJbVWvZnb7l98iSrkLZW5e4QGzK5mY0Im5HIOC7Q
        1+MS5N/qcnTPAmNiVYr55AYDjDKNj2WUYq9DpkApSymtqN5pLHkoNHVfCGp+UQC1
        BS6cytPeQkc6l+1eit66SprzRwiO4IJFHQCopCSM/tRYfemKVPHz9iFT3p72pWQm
        t4DZLHk8n4RKGBssYCCmfH/IoAkI3lqkONeNB8NTUY5q2NKxdFcQAWquWdYZBcw6
        Oi757YNh3lZh7iK/ifvIlbd1DHJThRHmQBq/RR0j3lW3+4PMC+RSF2Lz8F1AZ2Hg
        TZSHP0mX05MUSY6iL8BVT+0wWn5VOTj3Wztx5bA5wQKBgQD/4RAf9ee9e86Kt3u8
        nbcJ/FNLR0MV0TPLoVPmJUL+iSkLH4DmW9q6OK9YcxHSLxB0hzAB5WubR57BnVrt
        2BUgYoaPkl5SFwMGzvq/BTtYe7wwi1TLTQICOMr4rZjXPaPb0dGCcHKaTGA955sc
        dINlcBBsmwo6dm++bcTmZqIvwQKBgQDWejcKmzAG4vNyj7c5i/C8FrX8DiFttpXO
        AcE2G/CNc0TweC7R3148hG9IgO0Yb1wCzvdMm3v4vtYB1BgACHjnfEhnVeWoMqw7
        UZ5jkBCNTwCuE//ozTWnqr0MCOx3JGm/T10H2yZqKMiO6fB7cQ+k0kdzEGDYfcqr
        F66Fi/rzCQKBgQD/KybUaHp4KF3ZUY6wkqr05079FAyfVieL2s77BI+hm5B1ii4W
        CuW9rUeXMfFEpDCJtEK4sVu01yBHPi9uXnz69aXwyOsMe+xFvuSo14POAl6yHlAq
        CRqGsrIeeaeghdTBIqUGqjJvEtkrAqtZHgvmfXGzjI0PrgpTYc3oYdM9QQKBgQC4
        8tb3/G7j4V1RkwDLTROg/mycGItXErYH2ZeFU36SW649N0YYkOewg/t6qELMaWsM
        uPCkTQgQrm/ZT84KaUPpSlEdWwMZkejXlkBhVuAPGutZMcHiPONh3Gf9MszGyM2v
        vX5Zwe9UaCraon1P1WVKGlKmtJ7u0TqtY1SJsPYMEQKBgBzN+z+NNahPCBiGK4KQ
        lgiHAAzeXVhvwEUDrRYNLEZOBJVuaEI51VRudUTEY2NFfsIGAqpcQ4vV2Jxi46mW
        vy8h3p8tClAomdmKgvxMIQCjo/yNzZBdv+0BOFHk1keJf8XOYx6nichHGS8AEq+D
        f9OvHVjEejzLDSo7AqHc6O3L
        -----END PRIVATE KEY-----
        """

    /// 1,024 bits: too small to be accepted.
    static let smallPublicKey = """
        -----BEGIN PUBLIC KEY-----
        MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC1hlNuh/Z93iMu5pkhsSoOTa8F
        XGVk8Ke23NqL1VGjv3FdB0x6oU1ONUw/uob/o4ijGoI+ZLyF3ul9HOedZpcrx1Dx
        kB4Xbf5CNK9DLxe3m9Y22Y8nnnyshkUQrILYLwiPNQlFr4WRVy9S+f4GyDFBFf0U
        GL5FBh3Dk7I4ez5hgQIDAQAB
        -----END PUBLIC KEY-----
        """
}
