import PostgresWAL

/// Source: `wal-interpretation.md` §17.5: raw records, and what their fragments hold.
enum RecordVectors {
    /// Records of real servers.
    static let real: [RecordVectorTests.Row] = [
        .init(
            name: "R1: XLOG next oid",
            next: 0x147_A9E0,
            manager: 0,
            info: 0x30,
            xid: 0,
            main: "00600000",
            hex: "1e0000000000000088a947010000000030000000529a262dff0400600000"
        ),
        .init(
            name: "R2: XACT commit with xinfo 0x01",
            next: 0x19B_5A88,
            manager: 1,
            info: 0x80,
            xid: 739,
            main: "32c35a40e103030001000000050000007f060000",
            hex: """
                2e000000e3020000185a9b0100000000800100004ae3bd41ff1432c35a40e103030001000000050000007f060000
                """
        ),
        .init(
            name: "R3: XACT commit prepared, xinfo 0xD1 with GID \"p1\"",
            next: 0x2C4_68C0,
            manager: 1,
            info: 0xB0,
            xid: 0,
            main: "716d6d40e1030300d1000000050000007f060000f2020000703100",
            hex: """
                35000000000000007067c40200000000b00100001ac1c587ff1b716d6d40e1030300d1000000050000007f060000f202
                0000703100
                """
        ),
        .init(
            name: "R4: SMGR create (info 0x11)",
            next: 0x147_AA40,
            manager: 2,
            info: 0x11,
            xid: 738,
            main: "7f060000050000000040000000000000",
            hex: "2a000000e2020000e0a9470100000000110200007b2f83e4ff107f060000050000000040000000000000"
        ),
        .init(
            name: "R5: SMGR truncate",
            next: 0x3F0_79A0,
            manager: 2,
            info: 0x21,
            xid: 765,
            main: "010000007f060000050000001740000007000000",
            hex: """
                2e000000fd0200004079f0030000000021020000b7b91ed7ff14010000007f060000050000001740000007000000
                """
        ),
        .init(
            name: "R6: running xacts with dirty padding",
            next: 0x5C5_D070,
            manager: 8,
            info: 0x10,
            xid: 0,
            main: "000000000000000000a3a4e34d0300004d0300004c030000",
            hex: """
                320000000000000018d0c5050000000010080000ef71da01ff18000000000000000000a3a4e34d0300004d0300004c03
                0000
                """
        ),
        .init(
            name: "R7: HEAP insert that cleared the VM bit",
            next: 0x2BE_DC20,
            manager: 10,
            info: 0x00,
            xid: 753,
            blocks: [.init(place: [1663, 5, 16385, 0, 10], dataLength: 16)],
            main: "010009",
            hex: """
                41000000f102000090dbbe0200000000000a0000616fd0a5002010007f06000005000000014000000a000000ff030700
                030818032b4e00000d61626f7274010009
                """
        ),
        .init(
            name: "R8: HEAP lock, all-frozen cleared",
            next: 0x2BA_D868,
            manager: 10,
            info: 0x60,
            xid: 749,
            blocks: [.init(place: [1663, 5, 16385, 0, 0])],
            main: "ed02000001000601",
            hex: """
                36000000ed020000d0d7ba0200000000600a0000c83a453b000000007f060000050000000140000000000000ff08ed02
                000001000601
                """
        ),
        .init(
            name: "R9: HEAP2 multi insert, VM cleared (rel 2608 on shard 3)",
            next: 0x700_02C0,
            manager: 9,
            info: 0x50,
            xid: 935,
            blocks: [.init(place: [1663, 5, 2608, 0, 3], dataLength: 33)],
            main: "031101001200",
            hex: """
                55000000a7030000280200070000000050090000d0f6934d002021007f06000005000000300a000003000000ff061a00
                070000081800df0400009340000000000000eb040000914000000000000069031101001200
                """
        ),
        .init(
            name: "R10: HEAP2 visible, two blocks",
            next: 0x2B7_C638,
            manager: 9,
            info: 0x40,
            xid: 0,
            blocks: [.init(place: [1663, 5, 16385, 2, 0]), .init(id: 1, place: [1663, 5, 16385, 0, 1])],
            main: "e302000001",
            hex: """
                3b0000000000000098c5b70200000000400900001c6e3535000200007f06000005000000014000000000000001800000
                01000000ff05e302000001
                """
        ),
        .init(
            name: "R10b: same record, stripe 1: blocks on different shards",
            next: 0x2B7_C638,
            manager: 9,
            info: 0x40,
            xid: 0,
            blocks: [.init(place: [1663, 5, 16385, 2, 0]), .init(id: 1, place: [1663, 5, 16385, 0, 1])],
            main: "e302000001",
            hex: """
                3b0000000000000098c5b70200000000400900001c6e3535000200007f06000005000000014000000000000001800000
                01000000ff05e302000001
                """
        ),
        .init(
            name: "R11: checkpoint redo (17)",
            next: 0x5C5_D038,
            manager: 0,
            info: 0xE0,
            xid: 0,
            main: "02000000",
            hex: "1e00000000000000e8cfc50500000000e00000008d19bd06ff0402000000"
        ),
        .init(
            name: "R12: XLOG switch",
            next: 0x700_0000,
            manager: 0,
            info: 0x40,
            xid: 0,
            main: "",
            hex: "18000000000000000085c7060000000040000000f3a89dfb"
        ),
        .init(
            name: "R13: file-copy CREATE DATABASE",
            next: 0x677_7F30,
            manager: 4,
            info: 0x01,
            xid: 867,
            main: "8c4000007f060000010000007f060000",
            hex: "2a00000063030000887e7706000000000104000021b55918ff108c4000007f060000010000007f060000"
        ),
        .init(
            name: "R14: DROP DATABASE (info 0x21)",
            next: 0x682_C5F8,
            manager: 4,
            info: 0x21,
            xid: 869,
            main: "8c400000010000007f060000",
            hex: "260000006503000058c58206000000002104000075c6a0c9ff0c8c400000010000007f060000"
        ),
        .init(
            name: "R15: WAL-logged CREATE DATABASE: empty",
            next: 0x638_D988,
            manager: 4,
            info: 0x10,
            xid: 866,
            main: "8b4000007f060000",
            hex: "2200000062030000b0d8380600000000100400002037d61cff088b4000007f060000"
        ),
        .init(
            name: "R16: multixact create",
            next: 0x683_07F8,
            manager: 6,
            info: 0x20,
            xid: 873,
            main: "01000000010000000200000068030000000000006903000000000000",
            hex: """
                36000000690300009807830600000000200600006caae000ff1c01000000010000000200000068030000000000006903
                000000000000
                """
        ),
        .init(
            name: "R17a: multixact zero members page, 17",
            next: 0x683_07C0,
            manager: 6,
            info: 0x10,
            xid: 873,
            main: "0000000000000000",
            hex: "2200000069030000480783060000000010060000c62ccbf9ff080000000000000000"
        ),
        .init(
            name: "R17b: same, 16",
            version: .v16,
            next: 0x687_9A50,
            manager: 6,
            info: 0x10,
            xid: 865,
            main: "00000000",
            hex: "1e00000061030000109a87060000000010060000ed0a321fff0400000000"
        ),
        .init(
            name: "R18: logical message neon-file:pg_logical/test",
            next: 0x5BC_5FC0,
            manager: 21,
            info: 0x00,
            xid: 0,
            main: """
                05000000000000001a000000000000000c000000000000006e656f6e2d66696c653a70675f6c6f676963616c2f746573
                740066696c6520636f6e74656e74
                """,
            hex: """
                5800000000000000385fbc0500000000001500002d6e8970ff3e05000000000000001a000000000000000c0000000000
                00006e656f6e2d66696c653a70675f6c6f676963616c2f746573740066696c6520636f6e74656e74
                """
        ),
        .init(
            name: "R19: replorigin drop",
            next: 0x5BC_6738,
            manager: 19,
            info: 0x10,
            xid: 0,
            main: "0100",
            hex: "1c00000000000000d066bc05000000001013000084cd16baff020100"
        ),
        .init(
            name: "R20: XLOG FPI of an FSM page",
            next: 0x63B_2648,
            manager: 0,
            info: 0xB0,
            xid: 866,
            blocks: [.init(place: [1663, 16523, 2619, 1, 0], imageLength: 24, appliesImage: true)],
            main: "",
            hex: """
                4900000062030000c8253b0600000000b0000000165440170011000018001800037f0600008b4000003b0a0000000000
                00000000000000000000000000180000200020042000000000
                """
        ),
    ]
}
