#include "CFloor.h"

#include <string.h>

#include "CChecksum.h"

enum { PAGE = 8192, SHORT_HEADER = 24, LONG_HEADER = 40, RECORD_HEADER = 24 };

// A record that crosses a page's end is put together here.
static uint8_t assembled[1 << 20];

int64_t cfloor_walk(const uint8_t *wal, size_t length, uint64_t start, uint64_t segment_size) {
    int64_t records = 0;
    size_t at = 0;
    while (at + RECORD_HEADER <= length) {
        uint64_t lsn = start + at;
        if (lsn % PAGE == 0) {
            at += lsn % segment_size == 0 ? LONG_HEADER : SHORT_HEADER;
            continue;
        }
        uint32_t total;
        memcpy(&total, wal + at, 4);
        if (total < RECORD_HEADER || total > sizeof assembled) return -1;
        size_t rest = PAGE - lsn % PAGE;
        const uint8_t *record = wal + at;
        if (total <= rest) {
            if (at + total > length) break;
            at += total;
        } else {
            size_t have = 0;
            while (have < total) {
                uint64_t here = start + at;
                if (here % PAGE == 0) at += here % segment_size == 0 ? LONG_HEADER : SHORT_HEADER;
                size_t room = PAGE - (start + at) % PAGE;
                size_t part = total - have < room ? total - have : room;
                if (at + part > length) return records;
                memcpy(assembled + have, wal + at, part);
                have += part;
                at += part;
            }
            record = assembled;
        }
        uint32_t crc;
        memcpy(&crc, record + 20, 4);
        if (crc != cchecksum_wal_record(record, total)) return -2;
        int is_switch = record[16] == 0x40 && record[17] == 0;
        uint64_t boundary = is_switch ? segment_size : 8;
        at += -(start + at) & (boundary - 1);
        records++;
    }
    return records;
}
