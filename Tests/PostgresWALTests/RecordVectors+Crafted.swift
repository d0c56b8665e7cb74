import PostgresWAL

extension RecordVectors {
    /// Crafted records.
    static let crafted: [RecordVectorTests.Row] = [
        .init(
            name: "N1: NEON update, both bits, map pages 1 and 0 on different shards",
            manager: 134,
            info: 0x20,
            blocks: [
                .init(place: [1663, 5, 16384, 0, 40000], dataLength: 3),
                .init(id: 1, place: [1663, 5, 16384, 0, 3]),
            ],
            main: "bc0200000100000309000000000000000200",
            hex: """
                4b000000bc0200000000000000000000208600001802416e002003007f0600000500000000400000409c000001800000
                03000000ff12616263bc0200000100000309000000000000000200
                """
        ),
        .init(
            name: "N2: NEON multi insert",
            version: .v16,
            manager: 134,
            info: 0x50,
            blocks: [.init(place: [1663, 5, 16384, 0, 9], dataLength: 2)],
            main: "010002000500000001000200",
            hex: """
                3c000000bc020000000000000000000050860000b845ab41002002007f060000050000000040000009000000ff0c7879
                010002000500000001000200
                """
        ),
        .init(
            name: "N3: NEON delete",
            manager: 134,
            info: 0x10,
            blocks: [.init(place: [1663, 5, 16384, 0, 40000])],
            main: "bc0200000100000105000000",
            hex: """
                3a000000bc0200000000000000000000108600006fc4fcca000000007f0600000500000000400000409c0000ff0cbc02
                00000100000105000000
                """
        ),
        .init(
            name: "N4: NEON lock",
            manager: 134,
            info: 0x40,
            blocks: [.init(place: [1663, 5, 16384, 0, 9])],
            main: "bc0200000500000001000001",
            hex: """
                3a000000bc02000000000000000000004086000002b134eb000000007f060000050000000040000009000000ff0cbc02
                00000500000001000001
                """
        ),
        .init(
            name: "P1: HEAP delete, Neon 15 layout",
            version: .v15,
            manager: 10,
            info: 0x10,
            blocks: [.init(place: [1663, 5, 16384, 0, 40000])],
            main: "bc02000001000000050000000001",
            hex: """
                3c000000bc0200000000000000000000100a00005dd436ac000000007f0600000500000000400000409c0000ff0ebc02
                000001000000050000000001
                """
        ),
        .init(
            name: "P2: HEAP update, Neon 14 layout",
            version: .v14,
            manager: 10,
            info: 0x20,
            blocks: [
                .init(place: [1663, 5, 16384, 0, 40000], dataLength: 3),
                .init(id: 1, place: [1663, 5, 16384, 0, 3]),
            ],
            main: "bc0200000100000309000000000000000200",
            hex: """
                4b000000bc0200000000000000000000200a000084efe943002003007f0600000500000000400000409c000001800000
                03000000ff12616263bc0200000100000309000000000000000200
                """
        ),
        .init(
            name: "P3: HEAP lock, Neon 14 layout",
            version: .v14,
            manager: 10,
            info: 0x60,
            blocks: [.init(place: [1663, 5, 16384, 0, 9])],
            main: "bc02000001000000050000000001",
            hex: """
                3c000000bc0200000000000000000000600a0000954daa38000000007f060000050000000040000009000000ff0ebc02
                000001000000050000000001
                """
        ),
        .init(
            name: "F1: FPI, 14 flags 0x05, checksum 0x1234 kept",
            version: .v14,
            next: 0x1_0200_0100,
            manager: 0,
            info: 0xB0,
            xid: 0,
            blocks: [.init(place: [1663, 5, 16384, 0, 7], imageLength: 24, appliesImage: true)],
            main: "",
            hex: """
                49000000000000000000000000000000b0000000097cf6c90010000018001800057f0600000500000000400000070000
                00000000000000000034120000180000200020042000000000
                """
        ),
        .init(
            name: "F2: flags 0x05 in 15: pglz, no apply, hole_length 8000",
            version: .v15,
            next: 0x1_0200_0100,
            manager: 0,
            info: 0xB0,
            xid: 0,
            blocks: [.init(place: [1663, 5, 16384, 0, 7], imageLength: 24)],
            main: "",
            hex: """
                4b000000000000000000000000000000b00000000fb9a5f4001000001800180005401f7f060000050000000040000007
                000000000000000000000034120000180000200020042000000000
                """
        ),
        .init(
            name: "F3: info 0xB2: not extracted",
            version: .v15,
            next: 0x1_0200_0100,
            manager: 0,
            info: 0xB2,
            xid: 0,
            blocks: [.init(place: [1663, 5, 16384, 0, 7], imageLength: 24, appliesImage: true)],
            main: "",
            hex: """
                49000000000000000000000000000000b2000000c20f9dcf0010000018001800037f0600000500000000400000070000
                00000000000000000034120000180000200020042000000000
                """
        ),
        .init(
            name: "F4: lz4 + apply: stays a record, will_init 1",
            version: .v16,
            next: 0x1_0200_0100,
            manager: 0,
            info: 0xB0,
            xid: 0,
            blocks: [.init(place: [1663, 5, 16384, 0, 7], imageLength: 10, appliesImage: true)],
            main: "",
            hex: """
                3d000000000000000000000000000000b0000000ef594c47001000000a0018000be81f7f060000050000000040000007
                00000000000000000000000000
                """
        ),
        .init(
            name: "F5: new page: no LSN stamp",
            version: .v16,
            next: 0x1_0200_0100,
            manager: 0,
            info: 0xB0,
            xid: 0,
            blocks: [.init(place: [1663, 5, 16384, 0, 7], imageLength: 8, appliesImage: true)],
            main: "",
            hex: """
                39000000000000000000000000000000b00000003fea3e5d0010000008000800037f0600000500000000400000070000
                000000000000000000
                """
        ),
        .init(
            name: "F6: image without apply",
            version: .v16,
            next: 0x1_0200_0100,
            manager: 0,
            info: 0xB0,
            xid: 0,
            blocks: [.init(place: [1663, 5, 16384, 0, 7], imageLength: 24)],
            main: "",
            hex: """
                49000000000000000000000000000000b00000002acea5e40010000018001800017f0600000500000000400000070000
                00000000000000000034120000180000200020042000000000
                """
        ),
        .init(
            name: "X1: XACT commit prepared, all xinfo parts 0x1FF",
            version: .v16,
            manager: 1,
            info: 0xB0,
            xid: 740,
            main: """
                87d6120000000000ff010000050000007f06000002000000e5020000e6020000010000007f0600000500000000400000
                010000000707070707070707070707070100000006060606060606060606060606060606090300006769640034120000
                000000006300000000000000
                """,
            origin: 3,
            topXID: 739,
            hex: """
                8e000000e40200000000000000000000b0010000d8299209fd0300fce3020000ff6c87d6120000000000ff0100000500
                00007f06000002000000e5020000e6020000010000007f06000005000000004000000100000007070707070707070707
                07070100000006060606060606060606060606060606090300006769640034120000000000006300000000000000
                """
        ),
    ]
}
