internal import ReplicationProtocol
package import ServerSupport
internal import ShardIdentity
internal import WalReceiver

extension PageserverConfiguration: ProcessSettings {
    package static let heading = "Settings of a pageserver: `pageserver --config <this file>`."

    package static let sections: [SettingSection<PageserverConfiguration>] = [
        ("Node", node), ("Receiving", receiving), ("Ingest", ingest), SettingKey.process,
    ]

    private static let node: [SettingKey<PageserverConfiguration>] = [
        SettingKey(
            "id",
            .count(\.idNumber, 0...Int.max),
            help: "The pageserver's number, by which safekeepers know it."
        ),
        SettingKey(
            "workdir",
            .text(\.workdir),
            help: "The folder in which the shards are, one folder each. It must exist."
        ),
        SettingKey(
            "availability_zone",
            .optionalText(\.availabilityZone),
            example: "\"az-1\"",
            help: "Where the pageserver stands: of safekeepers that are as good, one there is preferred."
        ),
        SettingKey(
            "listen_http_addr",
            .address(\.listenHTTPAddr),
            help: "Where status and metrics are. The port 0 lets the system choose one; the log says which."
        ),
    ]

    private static let receiving: [SettingKey<PageserverConfiguration>] = [
        SettingKey(
            "wal_receiver_protocol",
            .walReceiverProtocol(get: { $0.walReceiverProtocol }, set: { $0.walReceiverProtocol = $1 }),
            help: """
                How WAL comes from safekeepers: raw, of which each shard decodes everything, or interpreted, of which each \
                gets its part. A tenant's wal_receiver_protocol_override wins. As a flag, JSON of the same shape.
                """
        ),
        SettingKey(
            "validate_wal_contiguity",
            .boolean(\.validateWALContiguity),
            help: """
                Whether a batch that does not say where its WAL begins is refused. Safekeepers from before 2025-02-20 never \
                say; where it is said, a gap is always an error.
                """
        ),
        SettingKey(
            "safekeeper_connection_options",
            .text(\.safekeeperConnectionOptions),
            help: """
                Options of libpq for connections to safekeepers, such as sslmode=verify-full sslrootcert=ca.pem. \
                Pageservers of Neon never encrypt.
                """
        ),
        SettingKey(
            "safekeeper_auth_token_path",
            .optionalText(\.safekeeperAuthTokenPath),
            example: "\"safekeeper.token\"",
            help: """
                A file with the token for safekeepers. Without it the environment's NEON_AUTH_TOKEN is used, if there is \
                one.
                """
        ),
    ]

    private static let ingest: [SettingKey<PageserverConfiguration>] = [
        SettingKey(
            "ingest_batch_size",
            .count(\.ingestBatchSize, 1...1_000_000),
            help: "Records after which what they say is committed to the store, and can be read."
        ),
        SettingKey(
            "store_reserved_space",
            .size(\.storeReservedSpace, 0...1 << 50),
            help: """
                Bytes of the disk that stay free: with less, receiving pauses until there is space again. At least what \
                RocksDB holds in memory for one shard, 256MiB, and as much again for merging.
                """
        ),
        SettingKey(
            "report_disk_as_remote",
            .boolean(\.reportDiskAsRemote),
            help: """
                Whether safekeepers are told that what is durable here is safe for good, so that they may remove the WAL. \
                There is no second copy of a shard: a lost disk is lost data then. Without it they keep all WAL.
                """
        ),
    ]

    /// The number, as the type that ranges of counts have.
    private var idNumber: Int {
        get { Int(id) }
        set { id = UInt64(newValue) }
    }
}

// MARK: - Tables

extension PageserverConfiguration {
    package static let tables: [SettingKey<PageserverConfiguration>] = [
        SettingKey(
            "tenant_config",
            .structured(
                expected: "a table with settings of tenants",
                text: { _ in nil },
                set: { (configuration, input) throws(SettingFault) in
                    guard case .table(let table) = input else { throw .value }
                    try configuration.tenantConfig.apply(table: table)
                }
            ),
            help: "What holds for all tenants that have nothing of their own."
        ),
        SettingKey(
            "tenants",
            .structured(
                expected: "a table with a table for each tenant, under its 32 hexadecimal digits",
                text: { _ in nil },
                set: { (configuration, input) throws(SettingFault) in
                    guard case .table(let tenants) = input else { throw .value }
                    for (name, value) in tenants.sorted(by: { $0.key < $1.key }) {
                        guard let tenant = TenantID(name), case .table(let table) = value else {
                            throw .member(key: name, found: value.description, expected: "a tenant's table")
                        }
                        var settings = TenantSettings()
                        try settings.apply(table: table)
                        configuration.tenants["\(tenant)"] = table
                    }
                }
            ),
            help: "What holds for single tenants."
        ),
        SettingKey(
            "safekeepers",
            .structured(
                expected: "a list of tables with id, address and perhaps availability_zone",
                text: { _ in nil },
                set: { (configuration, input) throws(SettingFault) in
                    guard case .list(let list) = input else { throw .value }
                    configuration.safekeepers = []
                    for item in list {
                        let safekeeper = try Safekeeper(item)
                        guard !configuration.safekeepers.contains(where: { $0.number == safekeeper.number }) else {
                            throw .member(key: "id", found: "\(safekeeper.number) twice", expected: "different numbers")
                        }
                        configuration.safekeepers.append(safekeeper)
                    }
                }
            ),
            help: "The safekeepers from which WAL comes."
        ),
    ]

    package static let tablesText =
        "\n# ---- Safekeepers ----\n\n"
        + SettingKey<Self>.wrapped(
            """
            Where WAL comes from, one table each: the number, host and port for WAL, and where it stands if that is known. \
            There is no broker yet: all safekeepers in this list are asked how far they are.
            """
        )
            + """
            #[[safekeepers]]
            #id = 1
            #address = "127.0.0.1:5454"
            #availability_zone = "az-1"

            # ---- Tenants ----

            # What holds for all tenants that have nothing of their own.
            #[tenant_config]

            """ + SettingKey<TenantSettings>.explained(SettingKey<TenantSettings>.all)
        + "\n"
        + SettingKey<Self>.wrapped("What holds for a single tenant: the same keys, in a table under its id.")
            + """
            #[tenants.0123456789abcdef0123456789abcdef]
            #wal_receiver_protocol_override = { type = "vanilla" }

            """
}

extension Safekeeper {
    fileprivate init(_ input: SettingInput) throws(SettingFault) {
        guard case .table(let table) = input else { throw .value }
        for key in table.keys.sorted() where !["id", "address", "availability_zone"].contains(key) {
            throw .unknownKey(key, nearest: key.hasPrefix("a") ? "address" : "id")
        }
        guard let id = table["id"] else { throw .missing(key: "id") }
        guard let address = table["address"] else { throw .missing(key: "address") }
        guard let number = id.number.flatMap({ UInt64(exactly: $0) }) else {
            throw .member(key: "id", found: id.description, expected: "a whole number")
        }
        let zone = table["availability_zone"]
        if let zone, zone.text == nil {
            throw .member(key: "availability_zone", found: zone.description, expected: "a text")
        }
        guard let text = address.text,
            let safekeeper = Safekeeper(
                number: SafekeeperNumber(number),
                address: text,
                availabilityZone: zone?.text
            )
        else { throw .member(key: "address", found: address.description, expected: "host:port") }
        self = safekeeper
    }
}
