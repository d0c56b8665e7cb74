/// Keys of tests only: nothing is protected by them.
enum TestKeys {
    /// The seed of the test key of RFC 8032, §7.1, as base64url; tokens of tests are signed with it.
    static let seed = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
    /// Its public key.
    static let publicKey = """
        -----BEGIN PUBLIC KEY-----
        MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
        -----END PUBLIC KEY-----

        """
    /// A public key that has signed nothing: that of the second test of RFC 8032.
    static let otherPublicKey = """
        -----BEGIN PUBLIC KEY-----
        MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=
        -----END PUBLIC KEY-----

        """

    /// A certificate for localhost, and its key.
    static let certificate = """
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
    static let certificateKey = """
        -----BEGIN EC PRIVATE KEY-----
        MHcCAQEEIJnImtC8lKxnhDeeHkZnZILw4qXgyI0gU4R2zxKvX3psoAoGCCqGSM49
        AwEHoUQDQgAE72Ay8Et6JRJxGhzDMmRsSxU/hK78uNPNONB/xeiCp8fyMQEE66EQ
        saEMTzSivz8INJritgWMrYSDqs226mp/Sw==
        -----END EC PRIVATE KEY-----

        """
}
