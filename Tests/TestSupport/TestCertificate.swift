/// Certificates for tests of TLS, each of which vouches for itself, with its key: good for localhost, and for a hundred years.
package enum TestCertificate {
    package static let first = (
        certificate: Array(
            """
            -----BEGIN CERTIFICATE-----
            MIIBmzCCAUGgAwIBAgIUa/BsYh2ToCxdwTreqzf1o+rNQvswCgYIKoZIzj0EAwIw
            FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNjExNTQ1M1oYDzIxMjYxMTAy
            MTE1NDUzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
            PQMBBwNCAASmPUtMBK2Fzb26oV9Mn1dQPT7SZDEsd6TBcfmSN903eYI5OWjmROqF
            HB2ZDyWYZQ6mnV85g+jDq+uRxPcHGepMo28wbTAdBgNVHQ4EFgQUpJXK7hBSaENz
            82w8UbFX9qaCyvcwHwYDVR0jBBgwFoAUpJXK7hBSaENz82w8UbFX9qaCyvcwDwYD
            VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
            zj0EAwIDSAAwRQIhAJQJSZJjN3Y1IzjCffkY5o2x68OjAQ+H+Qm0gignRTDyAiA8
            fCXlrgO2fGqJsvE8Pg3DVVZXTFsFmaBSSgRqzdGutQ==
            -----END CERTIFICATE-----

            """.utf8),
        key: Array(
            """
            -----BEGIN PRIVATE KEY-----
            MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQghrPbTXHSVQYNXZ2A
            6uud7rCCKcQf8WPdCb+VihgV+k2hRANCAASmPUtMBK2Fzb26oV9Mn1dQPT7SZDEs
            d6TBcfmSN903eYI5OWjmROqFHB2ZDyWYZQ6mnV85g+jDq+uRxPcHGepM
            -----END PRIVATE KEY-----

            """.utf8)
    )
    package static let second = (
        certificate: Array(
            """
            -----BEGIN CERTIFICATE-----
            MIIBmzCCAUGgAwIBAgIUfhSr3TA3m3qPPGqj9hO6P6W2uacwCgYIKoZIzj0EAwIw
            FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNjExNTQ1M1oYDzIxMjYxMTAy
            MTE1NDUzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
            PQMBBwNCAASC6NpBnc4jfQ//fPMCB4xatIFM5c20l5IKh3FqauadLOprP45ZGMSQ
            lJqNONssENLteOgCneCM+utNhns2j+xgo28wbTAdBgNVHQ4EFgQUeBpVYZk4wnPk
            C38zarcaLTIz2K4wHwYDVR0jBBgwFoAUeBpVYZk4wnPkC38zarcaLTIz2K4wDwYD
            VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
            zj0EAwIDSAAwRQIgGcAL0nz5Hv8f9HH9mAyt56OvQWoWnG4dlOrZ2ODly/MCIQDN
            j8B5Pt3cyLuXRoNqiS3z0znn9k+SumZ3e0CReoGrSg==
            -----END CERTIFICATE-----

            """.utf8),
        key: Array(
            """
            -----BEGIN PRIVATE KEY-----
            MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgKpoaDs7eeaX0p9Sx
            mye1rftMEGU5bZnpZIYFEULIxoKhRANCAASC6NpBnc4jfQ//fPMCB4xatIFM5c20
            l5IKh3FqauadLOprP45ZGMSQlJqNONssENLteOgCneCM+utNhns2j+xg
            -----END PRIVATE KEY-----

            """.utf8)
    )
}
