#include "fuzz_entry.h"

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST 251u /* of a frame without its 00 */
#define LIMIT_W 20.0f /* nothing above what HELLO says may be configured */

struct fuzz_count fuzz_count;

static struct {
    uint8_t frame[LONGEST + 1u]; /* of this frame so far; one more than is legal is enough to know */
    size_t length;
    uint32_t bad; /* since HELLO */
    uint8_t sampled[20]; /* the last EXCHANGE answered with a SAMPLE; the same again has the stored one */
} reference;

static void broken(const char *what)
{
    (void)fprintf(stderr, "fuzz: BROKEN: %s (after %llu bytes)\n", what, (unsigned long long)fuzz_count.bytes);
    abort();
}

/* Written apart from the rig's own: whole frames at a time, a bit at a time. */
static uint32_t reference_crc(const uint8_t *data, size_t count)
{
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t n = 0; n < count; n++) {
        crc ^= data[n];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1u) != 0u ? (crc >> 1) ^ 0xEDB88320u : crc >> 1;
        }
    }
    return ~crc;
}

/* The payload of what stood before a 00; its length, 0 where it is no valid frame. */
static size_t reference_decode(uint8_t payload[LONGEST], const uint8_t *frame, size_t length)
{
    size_t count = 0u;
    size_t at = 0u;
    if (length > LONGEST) {
        return 0u;
    }
    while (at < length) {
        const size_t code = frame[at];
        if (at + code > length) {
            return 0u;
        }
        memcpy(payload + count, frame + at + 1u, code - 1u);
        count += code - 1u;
        at += code;
        if (at < length && code != 0xFFu) {
            payload[count++] = 0u;
        }
    }
    if (count < 6u + 4u || reference_crc(payload, count - 4u) != rig_get_u32(payload + count - 4u)) {
        return 0u;
    }
    return count - 4u;
}

static void hand_over(const uint8_t *bytes, size_t count, uint32_t pieces)
{
    fuzz_count.bytes += count;
    while (count != 0u) {
        size_t piece = 1u + pieces % 97u;
        pieces = pieces * 1664525u + 1013904223u;
        if (piece > count) {
            piece = count;
        }
        rig_receive(bytes, piece);
        bytes += piece;
        count -= piece;
    }
}

/* Bytes up to a 00 and with it, or the last ones. */
static void segment(const uint8_t *bytes, size_t count, uint32_t pieces)
{
    uint8_t payload[LONGEST];
    const bool ended = bytes[count - 1u] == 0u;
    for (size_t n = 0; n < count - (ended ? 1u : 0u) && reference.length <= LONGEST; n++) {
        reference.frame[reference.length++] = bytes[n];
    }
    uint32_t expected = 0u;
    bool asks_for_rf = false;
    if (ended && reference.length != 0u) {
        const size_t valid = reference_decode(payload, reference.frame, reference.length);
        const bool request = valid != 0u && payload[1] != 0u && payload[1] < 0x7Fu;
        expected = request ? 1u : 0u;
        asks_for_rf = request && payload[0] == 1u && payload[1] == 3u && valid == 20u && payload[10] == 0xC3u;
        fuzz_count.requests += expected;
        fuzz_count.bad += 1u - expected;
        reference.bad += 1u - expected;
        reference.length = 0u;
    }
    const uint32_t replies = bench.replies;
    const uint32_t turned_on = bench.turned_on;
    const bool was_on = bench.output_on;
    hand_over(bytes, count, pieces);
    if (bench.replies - replies != expected) {
        broken(expected == 0u ? "what is no request was answered" : "a request was not answered");
    }
    if (!asks_for_rf && (bench.turned_on != turned_on || (bench.output_on && !was_on))) {
        broken("RF on without an EXCHANGE that asks for it");
    }
    if (bench.output_on && !(bench.output_w >= 0.0f && bench.output_w <= LIMIT_W)) {
        broken("RF above the limit");
    }
    if (expected != 0u && bench_kind() == 0x81u) {
        reference.bad = 0u;
    }
    if (expected != 0u && bench_kind() == 0x83u && memcmp(payload, reference.sampled, sizeof reference.sampled) != 0) {
        memcpy(reference.sampled, payload, sizeof reference.sampled);
        fuzz_count.samples++;
        if (bench_bad_frames() != (reference.bad < 65535u ? reference.bad : 65535u)) {
            broken("bad_frames is not the number of bad frames");
        }
    }
}

void fuzz_line(const uint8_t *bytes, size_t count, uint32_t pieces)
{
    while (count != 0u) {
        const uint8_t *zero = memchr(bytes, 0, count);
        const size_t length = zero != NULL ? (size_t)(zero - bytes) + 1u : count;
        segment(bytes, length, pieces);
        bytes += length;
        count -= length;
    }
}

void fuzz_start(void)
{
    bench_boot();
    memset(&reference, 0, sizeof reference);
    bench_connect();
}

static void let_pass(uint64_t us)
{
    bench_wait_us(us);
    if (us >= 1000000u && bench.output_on) { /* the longest watchdog that HELLO offers */
        broken("RF on past the watchdog");
    }
}

static void flip(uint8_t which)
{
    struct rig_sensors *now = &bench.sensors;
    switch (which % 8u) {
    case 0:
        now->loop_closed = !now->loop_closed;
        break;
    case 1:
        now->estop_pressed = !now->estop_pressed;
        break;
    case 2:
        now->stage_fault = !now->stage_fault;
        break;
    case 3:
        now->return_attached = !now->return_attached;
        break;
    case 4:
        now->tc_fault[0] = (uint8_t)(which >> 3 & 3u);
        break;
    case 5:
        now->temperature_c[0] = (float)which;
        break;
    case 6:
        bench.stuck = !bench.stuck;
        break;
    default:
        now->power_w = (float)(which >> 3);
        break;
    }
}

/* A payload, framed as it should be: what lies behind the CRC is reached too. */
static void framed(const uint8_t *bytes, size_t count)
{
    uint8_t payload[RIG_PAYLOAD_MAX];
    uint8_t frame[RIG_FRAME_MAX];
    memset(payload, 0, sizeof payload);
    memcpy(payload, bytes, count < sizeof payload ? count : sizeof payload);
    const size_t length = rig_encode(frame, payload, count < 6u ? 6u : count < sizeof payload ? count : sizeof payload);
    fuzz_line(frame, length, 1u);
}

/* The next request on the link: kind and body as given, or (bit 6) such that it is likely to be obeyed. */
static void next(const uint8_t *bytes, size_t count)
{
    uint8_t payload[RIG_PAYLOAD_MAX];
    const bool likely = (bytes[0] & 0x40u) != 0u;
    const uint8_t kind = likely ? bytes[0] & 7u : bytes[0];
    bench.seq++;
    uint8_t *at = rig_put_u8(payload, 1u);
    at = rig_put_u8(at, kind);
    at = rig_put_u16(at, BENCH_LINK);
    at = rig_put_u16(at, bench.seq);
    if (likely && kind == 2u) {
        at = rig_put_u16(at, (uint16_t)(10u + bytes[count - 1u]));
        at = rig_put_u16(at, 5u);
        at = rig_put_f32(at, 10.0f);
        at = rig_put_f32(at, 90.0f);
        at = rig_put_u8(at, 3u);
        at = rig_put_u8(at, bytes[0] >> 7);
    } else if (likely && kind == 3u) {
        at = rig_put_u32(at, bench.seq);
        at = rig_put_u8(at, (bytes[0] & 0x20u) != 0u ? KEY_ON : KEY_OFF);
        at = rig_put_u8(at, 0u);
        at = rig_put_f32(at, (float)(bytes[count - 1u] & 15u));
        at = rig_put_f32(at, (float)(bytes[count - 1u] >> 4));
    } else if (!likely) {
        const size_t body = count - 1u < 240u ? count - 1u : 240u;
        memcpy(at, bytes + 1, body);
        at += body;
    }
    framed(payload, (size_t)(at - payload));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_start();
    while (size >= 2u) {
        const uint8_t operation = data[0];
        const size_t count = data[1] < size - 2u ? data[1] : size - 2u;
        const uint8_t *bytes = data + 2;
        if (count != 0u) {
            switch (operation % 5u) {
            case 0:
                fuzz_line(bytes, count, operation);
                break;
            case 1:
                framed(bytes, count);
                break;
            case 2:
                next(bytes, count);
                break;
            case 3:
                let_pass(1000u * ((uint64_t)bytes[0] + 10u * (uint64_t)bytes[count - 1u]));
                break;
            default:
                flip(bytes[0]);
                break;
            }
        }
        data += 2u + count;
        size -= 2u + count;
    }
    return 0;
}
