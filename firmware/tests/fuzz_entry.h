/* What both fuzzers feed: bytes on the line, time, switches; and what must hold whatever they are. */
#ifndef FUZZ_ENTRY_H
#define FUZZ_ENTRY_H

#include <stddef.h>
#include <stdint.h>

struct fuzz_count {
    uint64_t bytes;    /* given to the rig */
    uint64_t bad;      /* bad frames, by the reference */
    uint64_t requests; /* whole valid requests, by the reference */
    uint64_t samples;  /* SAMPLEs whose bad_frames was the reference's count */
};

extern struct fuzz_count fuzz_count;

/* A rig that is linked, configured, RF off. */
void fuzz_start(void);

/* Bytes off the line, in pieces that `pieces` chooses. Aborts, saying why, where something is broken:
 * - another number of replies than of valid requests (a damaged frame was answered, or a request was not);
 * - RF came on without a whole valid EXCHANGE with the on key;
 * - RF came on above the configured limit;
 * - a SAMPLE whose bad_frames is not the number of bad frames since HELLO;
 * - an ERROR with RF on, or a reply that is no whole frame (tests/bench.c). */
void fuzz_line(const uint8_t *bytes, size_t count, uint32_t pieces);

/* One input of records: an operation, a length, that many bytes. libFuzzer's entry. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
