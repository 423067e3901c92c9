/* fuzz BYTES SEED: at least so many bytes to the rig's decoder, the same ones for the same seed. No compiler's help is
 * needed; `make fuzz-guided` gives the same entry to libFuzzer. */
#include "bench.h"
#include "fuzz_entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 600u

static uint32_t state;
static uint64_t whole; /* frames that were to be damaged, and are not */

/* Marsaglia's xorshift: any that repeats will do. */
static uint32_t draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return (uint32_t)(((uint64_t)state * below) >> 32);
}

static void noise(uint8_t *bytes, size_t count, uint32_t least)
{
    for (size_t n = 0; n < count; n++) {
        bytes[n] = (uint8_t)(least + draw(256u - least));
    }
}

/* The request that would do most, were it taken: RF on, at the limit, on the link in force, with the next number. */
static size_t dangerous(uint8_t frame[RIG_FRAME_MAX])
{
    uint8_t payload[20];
    uint8_t *at = rig_put_u8(payload, 1u);
    at = rig_put_u8(at, 3u);
    at = rig_put_u16(at, BENCH_LINK);
    at = rig_put_u16(at, (uint16_t)(bench.seq + 1u));
    at = rig_put_u32(at, state);
    at = rig_put_u8(at, KEY_ON);
    at = rig_put_u8(at, 0u);
    at = rig_put_f32(at, 10.0f);
    (void)rig_put_f32(at, 0.0f);
    return rig_encode(frame, payload, sizeof payload);
}

/* Damage it: what a line does. Seldom it comes out whole (two like bytes change places): the reference knows. */
static size_t damage(uint8_t *bytes, size_t count)
{
    const size_t at = draw((uint32_t)count);
    switch (draw(6u)) {
    case 0:
        bytes[at] = (uint8_t)(bytes[at] ^ (1u << draw(8u)));
        return count;
    case 1:
        bytes[at] = (uint8_t)draw(256u);
        bytes[draw((uint32_t)count)] = (uint8_t)draw(256u);
        return count;
    case 2: /* a byte is lost */
        memmove(bytes + at, bytes + at + 1u, count - at - 1u);
        return count - 1u;
    case 3: /* a byte comes twice */
        memmove(bytes + at + 1u, bytes + at, count - at);
        return count + 1u;
    case 4: /* cut short; the next frame is glued to it */
        return at != 0u ? at : 1u;
    default: /* two bytes change places */
        if (at + 1u < count) {
            const uint8_t byte = bytes[at];
            bytes[at] = bytes[at + 1u];
            bytes[at + 1u] = byte;
        }
        return count;
    }
}

/* A whole frame that is no request, or one that is refused. */
static size_t harmless(uint8_t frame[RIG_FRAME_MAX])
{
    uint8_t payload[RIG_PAYLOAD_MAX];
    const size_t count = 6u + draw(RIG_PAYLOAD_MAX - 5u);
    noise(payload, count, 0u);
    payload[1] = (uint8_t)(draw(4u) == 0u ? 0u : 0x7Fu + draw(0x81u));
    return rig_encode(frame, payload, count);
}

/* To the rig. What came out whole after all was carried out: the next request is then one further. */
static void give(const uint8_t *bytes, size_t count)
{
    const uint64_t before = fuzz_count.requests;
    fuzz_line(bytes, count, state);
    if (fuzz_count.requests != before) {
        whole++;
        bench.seq++;
    }
}

static void feed(void)
{
    uint8_t bytes[MOST + 1u];
    size_t count = 1u + draw(MOST);
    switch (draw(8u)) {
    case 0:
        noise(bytes, count, 0u);
        break;
    case 1: /* long, for want of zeros */
        noise(bytes, count, 1u);
        break;
    case 2: /* mostly zeros */
        memset(bytes, 0, count);
        noise(bytes + draw((uint32_t)count), 1u, 0u);
        break;
    case 3:
        count = harmless(bytes);
        break;
    default:
        count = damage(bytes, dangerous(bytes));
        break;
    }
    give(bytes, count);
}

/* Ask the rig how many bad frames it counted. fuzz_line holds the answer against the reference. */
static void ask(void)
{
    static const uint8_t zero = 0u;
    uint8_t payload[20];
    uint8_t frame[RIG_FRAME_MAX];
    give(&zero, 1u); /* ends what is begun */
    bench.seq++;
    uint8_t *at = rig_put_u8(payload, 1u);
    at = rig_put_u8(at, 3u);
    at = rig_put_u16(at, BENCH_LINK);
    at = rig_put_u16(at, bench.seq);
    memset(at, 0, sizeof payload - 6u);
    at[4] = KEY_OFF;
    fuzz_line(frame, rig_encode(frame, payload, sizeof payload), 0u);
    if (bench_kind() != 0x83u) {
        (void)fprintf(stderr, "fuzz: BROKEN: no SAMPLE, but kind %u, error %u\n", (unsigned)bench_kind(),
                      (unsigned)bench_error());
        abort();
    }
}

/* A number of digits alone, at most 10^18 (strtoull takes "-5" for nearly 2^64, and "abc" for 0); 0 where it is none. */
static unsigned long long digits(const char *text)
{
    const size_t count = strspn(text, "0123456789");
    return (count == 0u || count > 18u || text[count] != '\0') ? 0u : strtoull(text, NULL, 10);
}

int main(int argc, char **argv)
{
    const unsigned long long wanted = argc == 3 ? digits(argv[1]) : 0u;
    if (wanted == 0u) {
        (void)fprintf(stderr, "usage: fuzz BYTES SEED, with 1 byte or more\n");
        return 2;
    }
    state = (uint32_t)strtoul(argv[2], NULL, 10) * 2654435761u | 1u;
    /* Three quarters to the decoder, of a rig that is linked and configured, so that any damaged frame could act; */
    fuzz_start();
    for (unsigned n = 1u; fuzz_count.bytes < wanted / 4u * 3u; n++) {
        feed();
        bench_wait_us(100u);
        if (n % 64u == 0u) {
            ask();
        }
        if (n % 8192u == 0u) {
            fuzz_start();
        }
    }
    const struct fuzz_count decoder = fuzz_count;
    /* the rest as libFuzzer would: records of bytes, requests, time and switches. */
    while (fuzz_count.bytes < wanted) {
        uint8_t input[1024];
        const size_t count = 16u + draw(sizeof input - 16u);
        noise(input, count, 0u);
        (void)LLVMFuzzerTestOneInput(input, count);
    }
    (void)printf("fuzz: %llu bytes to the decoder: %llu bad frames, all counted (asked %llu times), none acted on; "
                 "%llu came out whole\n"
                 "fuzz: %llu bytes with requests, time and switches: %llu requests, each answered once\n",
                 (unsigned long long)decoder.bytes, (unsigned long long)decoder.bad,
                 (unsigned long long)decoder.samples, (unsigned long long)whole, (unsigned long long)(fuzz_count.bytes - decoder.bytes),
                 (unsigned long long)(fuzz_count.requests - decoder.requests));
    return 0;
}
