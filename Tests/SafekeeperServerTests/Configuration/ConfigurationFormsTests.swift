import SafekeeperServer
import ServerSupport
import TestFixtures
import Testing

@Suite("Forms of settings")
struct ConfigurationFormsTests {
    @Test(
        arguments: [
            ("0s", .zero), ("300ms", .milliseconds(300)), ("5 s", .seconds(5)), (" 1h 30m ", .seconds(5400)),
            ("1h30m", .seconds(5400)), ("10 seconds", .seconds(10)), ("1d", .seconds(86_400)),
            ("1w", .seconds(604_800)),
            ("2us 3ns", .nanoseconds(2003)), ("15min", .seconds(900)), ("1M", .seconds(2_630_016)),
            ("1 year", .seconds(31_557_600)), ("9223372036s", .seconds(9_223_372_036)),
        ] as [(String, Duration)]
    )
    func durations(text: String, duration: Duration) {
        #expect(HumanDuration.parse(text) == duration)
        #expect(HumanDuration.parse(HumanDuration.text(duration)) == duration)
    }

    @Test(arguments: [
        "", " ", "5", "s", "5 5s", "-5s", "1.5s", "5S", "5 lightyears", "9223372037s", "99999999999999999999s", "5s,",
        "٣s",
    ])
    func noDurations(text: String) {
        #expect(HumanDuration.parse(text) == nil)
    }

    @Test func durationsAreWrittenWithTheLargestUnits() {
        #expect(HumanDuration.text(.seconds(300)) == "5m")
        #expect(HumanDuration.text(.milliseconds(90_061_001)) == "1d 1h 1m 1s 1ms")
        #expect(HumanDuration.text(.seconds(-1)) == "0s")
        #expect(HumanDuration.text(.seconds(1 << 60)) == HumanDuration.text(.nanoseconds(Int64.max)))
    }

    @Test(arguments: [
        ("0", 0), ("65536", 65536), ("1B", 1), ("16MiB", 16 << 20), ("2 KiB", 2048), ("3GiB", 3 << 30),
        ("1TiB", 1 << 40),
    ])
    func sizes(text: String, size: Int) {
        #expect(ByteSize.parse(text) == size)
        #expect(ByteSize.parse(ByteSize.text(size)) == size)
    }

    @Test(arguments: ["", "MiB", "-1", "1.5MiB", "16MB", "16mib", "16MiB ", "9223372036854775808", "8388608TiB"])
    func noSizes(text: String) {
        #expect(ByteSize.parse(text) == nil)
    }

    @Test func sizesAreWrittenWithTheLargestUnit() {
        #expect(
            [0, 1, 1024, 1500, 16 << 20, 1 << 50].map(ByteSize.text) == [
                "0B", "1B", "1KiB", "1500B", "16MiB", "1024TiB",
            ]
        )
    }

    @Test(
        arguments: [
            ("127.0.0.1:5454", "127.0.0.1", 5454), ("localhost:0", "localhost", 0), ("[::1]:65535", "::1", 65535),
        ] as [(String, String, UInt16)]
    )
    func addresses(text: String, host: String, port: UInt16) {
        #expect(ListenAddress(text) == ListenAddress(host: host, port: port))
        #expect(ListenAddress(text)?.description == text)
    }

    @Test(arguments: [
        "", ":", "localhost", ":80", "localhost:", "localhost:x", "localhost:-1", "localhost:+1", "localhost:65536",
        "::1:80", "[]:80", "a b:80", "http://a:80", "a\n:80", "a:80 ",
    ])
    func noAddresses(text: String) {
        #expect(ListenAddress(text) == nil)
    }
}
