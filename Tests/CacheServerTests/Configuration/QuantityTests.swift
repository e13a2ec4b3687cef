import Testing

@testable import cache_server

@Suite("Sizes and durations as text")
struct QuantityTests {
    @Test(
        "A size reads as its bytes",
        arguments: [
            ("0", 0), ("65536", 65_536), ("7B", 7),
            ("1kB", 1_000), ("1KB", 1_000), ("3MB", 3_000_000), ("1GB", 1_000_000_000), ("2tb", 2_000_000_000_000),
            ("1KiB", 1_024), ("512MiB", 536_870_912), ("2GiB", 2_147_483_648), ("1tib", 1_099_511_627_776),
            ("1.5KiB", 1_536), ("0.5GB", 500_000_000), ("1.0001kB", 1_000), ("0.999999999999999TiB", 1_099_511_627_775),
            ("9223372036854775807", .max),
        ])
    func size(text: String, bytes: Int) {
        #expect(ByteSize.parse(text) == bytes)
    }

    @Test(
        "What is no size reads as none",
        arguments: [
            "", " ", "MiB", "-1", "+1", "1 MiB", " 1", "1MiB ", "1.", ".5", "1.2.3", "1.5", "1.5B", "0x10",
            "1e3", "1PiB", "1K",
            "1,5GB", "٣", "1.0000000000000001GB", "9223372036854775808", "9007199254740992KiB", "8388608TiB",
        ])
    func noSize(text: String) {
        #expect(ByteSize.parse(text) == nil)
    }

    @Test(
        "A size is written in the largest unit that divides it",
        arguments: [
            (0, "0"), (512, "512"), (1_000, "1000"), (1_024, "1KiB"), (65_536, "64KiB"), (8 << 20, "8MiB"),
            ((1 << 30) + 1, "1073741825"), (3 << 30, "3GiB"), (1 << 40, "1TiB"),
        ])
    func written(bytes: Int, text: String) {
        #expect(ByteSize.write(bytes) == text)
        #expect(ByteSize.parse(text) == bytes)
    }

    @Test(
        "A duration reads as its length",
        arguments: [
            ("0", Duration.zero), ("30", .seconds(30)), ("0.5", .milliseconds(500)), ("30s", .seconds(30)),
            ("500ms", .milliseconds(500)), ("1.5ms", .microseconds(1500)), ("2m", .seconds(120)),
            ("1h", .seconds(3600)),
            ("1.5h", .seconds(5400)), ("7d", .seconds(604_800)), ("0.000000001", .nanoseconds(1)),
            ("0.0000000001s", .zero),
        ])
    func duration(text: String, duration: Duration) {
        #expect(DurationText.parse(text) == duration)
    }

    @Test(
        "What is no duration reads as none",
        arguments: [
            "", "s", "-1s", "1 s", "1S", "1min", "1us", "ms", "1.s", "forever", "inf", "nan", "9223372037s", "106752d",
        ])
    func noDuration(text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test(
        "A duration is written in a unit that divides it",
        arguments: [
            (Duration.zero, "0s"), (.milliseconds(1500), "1500ms"), (.seconds(1), "1s"), (.seconds(60), "60s"),
            (.seconds(90), "90s"), (.seconds(120), "2m"), (.seconds(3600), "1h"), (.seconds(86_400), "1d"),
            (.seconds(90_000), "25h"),
        ])
    func written(duration: Duration, text: String) {
        #expect(DurationText.write(duration) == text)
        #expect(DurationText.parse(text) == duration)
    }
}
