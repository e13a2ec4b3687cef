import ArgumentParser

/// `cache-server healthcheck`: whether the server here is ready, for images that have no curl.
struct Healthcheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask a running server whether it is ready: status 0 if it is, 1 if it is not.",
        discussion: """
            Asks GET /readyz of the address and port, or of the socket, that the server would listen on with these flags, this environment \
            and this file; of the loopback address if it would listen on all. Over TLS if it would have a certificate, whose \
            validity it does not look at.
            """,
        helpNames: [.short, .long])

    @Option(Settings.host) var host: String?
    @Option(Settings.port) var port: String?
    @Option(Settings.socket) var socket: String?
    @Option(Settings.tlsCert) var tlsCert: String?
    @OptionGroup var configurationFlag: ConfigurationFlag

    @Option(
        help: ArgumentHelp(
            "Waits so long for the answer (default: \(timeoutSyntax.write(defaultTimeout)))",
            valueName: timeoutSyntax.placeholder),
        transform: { text in
            guard let timeout = timeoutSyntax.parse(text) else {
                throw ValidationError("must be \(timeoutSyntax.requirement)")
            }
            return timeout
        })
    var timeout: Duration?

    private static let defaultTimeout = Duration.seconds(2)
    private static let timeoutSyntax = ValueSyntax.duration(in: .milliseconds(1)...(.seconds(3600)))

    func run() async throws {
        var flags = configurationFlag.given
        flags[Settings.host.name] = host
        flags[Settings.port.name] = port
        flags[Settings.socket.name] = socket
        flags[Settings.tlsCert.name] = tlsCert
        let sources = try SettingSources.ofProcess(flags: flags)
        let probe: HealthProbe
        do throws(SettingError) {
            let machine = Machine.current()
            let socket = try sources.value(of: Settings.socket) ?? nil
            probe = HealthProbe(
                socket: socket, speaksTLS: (try sources.value(of: Settings.tlsCert) ?? nil) != nil,
                listeningHost: try sources.value(of: Settings.host) ?? Settings.host.defaultValue(machine),
                port: try sources.value(of: Settings.port) ?? Settings.port.defaultValue(machine))
        } catch {
            throw CommandFailure(error)
        }
        do throws(HealthProbe.Failure) {
            try probe.run(timeout: timeout ?? Self.defaultTimeout)
        } catch {
            throw CommandFailure(
                message: "not ready: \(error.reason) (asked \(probe.target))", exitCode: .failure)
        }
    }
}
