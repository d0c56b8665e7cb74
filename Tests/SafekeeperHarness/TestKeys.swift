/// Keys of tests only: nothing is protected by them.
package enum TestKeys {
    /// The seed of the test key of RFC 8032, §7.1, as base64url; tokens of tests are signed with it.
    package static let seed = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
    /// Its public key.
    package static let publicKey = """
        -----BEGIN PUBLIC KEY-----
        MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
        -----END PUBLIC KEY-----

        """
    /// A public key that has signed nothing: that of the second test of RFC 8032.
    package static let otherPublicKey = """
        -----BEGIN PUBLIC KEY-----
        MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=
        -----END PUBLIC KEY-----

        """

    /// A certificate for localhost, and its key.
    package static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBnDCCAUGgAwIBAgIUQoZxvKiBtom6B3+hzF9sbxxRfcQwCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzAwMjUxMloYDzIxMjYxMDMw
        MDAyNTEyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAATvYDLwS3olEnEaHMMyZGxLFT+Ervy408040H/F6IKnx/IxAQTroRCx
        oQxPNKK/Pwg0muK2BYythIOqzbbqan9Lo28wbTAdBgNVHQ4EFgQU43QgCHAoMpE8
        nqzXuJ0qr6V+ZJMwHwYDVR0jBBgwFoAU43QgCHAoMpE8nqzXuJ0qr6V+ZJMwDwYD
        VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
        zj0EAwIDSQAwRgIhANYhRhHTr3Vu7YYXfqHDuoOQzH/T8WxAlIaiqpfEELMwAiEA
        /OXAX/Ny5eps39caw0WrT8H9lGZ2faXV6BsBuMtEpGo=
        -----END CERTIFICATE-----

        """
    package static let certificateKey = """
        -----BEGIN EC PRIVATE KEY-----
        MHcCAQEEIJnImtC8lKxnhDeeHkZnZILw4qXgyI0gU4R2zxKvX3psoAoGCCqGSM49
        AwEHoUQDQgAE72Ay8Et6JRJxGhzDMmRsSxU/hK78uNPNONB/xeiCp8fyMQEE66EQ
        saEMTzSivz8INJritgWMrYSDqs226mp/Sw==
        -----END EC PRIVATE KEY-----

        """

    /// Another certificate for localhost, which has signed nothing.
    package static let otherCertificate = """
        -----BEGIN CERTIFICATE-----
        MIIBmzCCAUGgAwIBAgIUY7Ivy7g+jC4BisxVGYfhwyM2rrYwCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyODAwMTgwN1oYDzIxMjYxMTA0
        MDAxODA3WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAASZqbWj+dZ3for+qlBFkwKpOl4J6fBEW6MlAtzikenLkxjvN9mtwPa9
        akC7d75G6ryG8avJ5rzj4sq4jAB8lJ7No28wbTAdBgNVHQ4EFgQU4cVR5AQqt8XP
        lq/hc6nd2cd7mmcwHwYDVR0jBBgwFoAU4cVR5AQqt8XPlq/hc6nd2cd7mmcwDwYD
        VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
        zj0EAwIDSAAwRQIgMT+tx7ZOPDJKU3GvVdcsEsu0rDn2igjgOqp1kiOk2K4CIQCU
        Py1J6BudA7jBrOjIyJ1hwtQcP41YmiIpYCiASaUsyQ==
        -----END CERTIFICATE-----

        """

    /// A token for everything on the ports for WAL, signed with the test key elsewhere: `safekeeper-operations.md` §2.1.
    package static let tokenForAll = """
        eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSJ9.eyJ0ZW5hbnRfaWQiOm51bGwsInNjb3BlIjoic2FmZWtlZXBlcmRhdGEifQ.Cd8ntew3YcPP\
        eMUJnveZfDxN4lFATfzjFC_J-A0qWhUeoj19geAdrX8XzU8zhCGL0DLLlsWsO9EXC6FkDz8pCQ
        """
    /// The same for the tenant 00112233445566778899aabbccddeeff.
    package static let tokenForTenant = """
        eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSJ9.eyJ0ZW5hbnRfaWQiOiIwMDExMjIzMzQ0NTU2Njc3ODg5OWFhYmJjY2RkZWVmZiIsInNjb3Bl\
        IjoidGVuYW50In0.idRy5lQaF3SPoO9H4S2SRqPL6GNwcnI5vMX_R-h5lUFJNf-JhyLIXgQcvbhPJVb_NOlO3DpQP2p5ZQJCYwILAA
        """
}
