/* Frames, and the order in which a request is checked. */
#include "../core/rig_meter.h"
#include "bench.h"
#include "test_watch.h"

#include <stdio.h>
#include <string.h>

static uint32_t send_version(uint8_t version, uint8_t kind, uint16_t seq)
{
    uint8_t payload[6];
    uint8_t *at = rig_put_u8(payload, version);
    at = rig_put_u8(at, kind);
    at = rig_put_u16(at, BENCH_LINK);
    (void)rig_put_u16(at, seq);
    return bench_send(payload, sizeof payload);
}

static void crc_is_zlibs(void)
{
    CHECK(rig_crc32((const uint8_t *)"123456789", 9u) == 0xCBF43926u);
    CHECK(rig_crc32((const uint8_t *)"", 0u) == 0u);
}

/* Every length that is legal comes back, and none that is not. */
static void frames_come_back(void)
{
    static struct rig_decoder decoder;
    uint8_t payload[300];
    uint8_t frame[RIG_FRAME_MAX];
    for (size_t count = 0; count < sizeof payload; count++) {
        for (int fill = 0; fill < 3; fill++) {
            for (size_t n = 0; n < count; n++) {
                payload[n] = (uint8_t)(fill == 0 ? 0u : fill == 1 ? n + 1u : n % 7u);
            }
            const size_t length = rig_encode(frame, payload, count);
            const bool legal = count >= 6u && count <= 246u;
            CHECK(length == (legal ? count + 6u : 0u));
            enum rig_decoded last = RIG_DECODED_NOTHING;
            for (size_t n = 0; n < length; n++) {
                CHECK(last == RIG_DECODED_NOTHING && (frame[n] == 0u) == (n + 1u == length));
                last = rig_decode_byte(&decoder, frame[n]);
            }
            CHECK(!legal || (last == RIG_DECODED_PAYLOAD && decoder.payload_bytes == count &&
                             memcmp(decoder.data, payload, count) == 0));
        }
    }
}

/* Any bytes with their CRC, stuffed: without rig_encode, which makes no frame of another length than is legal. */
static size_t framed(uint8_t *frame, const uint8_t *payload, size_t count)
{
    uint8_t raw[252];
    size_t code_at = 0u;
    size_t length = 1u;
    memcpy(raw, payload, count);
    (void)rig_put_u32(raw + count, rig_crc32(payload, count));
    for (size_t n = 0; n < count + 4u; n++) {
        if (raw[n] == 0u) {
            frame[code_at] = (uint8_t)(length - code_at);
            code_at = length;
        }
        frame[length++] = raw[n];
    }
    frame[code_at] = (uint8_t)(length - code_at);
    frame[length] = 0u;
    return length + 1u;
}

/* An RF_OFF that is right but for its length, or for one bit, does nothing and is counted; a right one is answered. */
static void damaged_frames_are_counted_alone(void)
{
    uint8_t payload[248];
    uint8_t frame[256];
    uint16_t bad = 0u;
    memset(payload, 0xA5, sizeof payload);
    payload[0] = 1u;
    payload[1] = 4u;
    bench_boot();
    bench_radiate();
    for (size_t count = 0; count <= sizeof payload; count++) {
        if (count >= 6u && count <= 246u) {
            continue;
        }
        const uint32_t replies = bench.replies;
        rig_receive(frame, framed(frame, payload, count));
        CHECK(bench.replies == replies && bench.output_on);
        bad++;
    }
    const size_t length = framed(frame, payload, 9u);
    for (size_t bit = 0; bit < 8u * (length - 1u); bit++) {
        const uint32_t replies = bench.replies;
        const uint8_t was = frame[bit / 8u];
        frame[bit / 8u] = (uint8_t)(was ^ (1u << bit % 8u));
        const bool cut = frame[bit / 8u] == 0u; /* a new end: two bad frames in place of one, but none if the first is empty */
        rig_receive(frame, length);
        CHECK(bench.replies == replies && bench.output_on);
        bad = (uint16_t)(bad + (cut && bit >= 8u && bit / 8u + 2u < length ? 2u : 1u));
        frame[bit / 8u] = was;
    }
    CHECK(bench_exchange(KEY_ON, 5.0f, 0.0f) == 1u && bench_bad_frames() == bad);
    const uint32_t replies = bench.replies;
    rig_receive(frame, length);
    CHECK(bench.replies == replies + 1u && bench_kind() == 0x84u && !bench.output_on);
    (void)framed(frame, payload, 246u);
    rig_receive(frame, 252u);
    CHECK(bench.replies == replies + 2u);
}

static void square_roots(void)
{
    static const float roots[] = {0.0f, 1.0f, 0.1f, 3.0f, 80.0f, 0.001f, 12345.0f, 1.0e-10f, 1.0e15f};
    for (size_t n = 0; n < sizeof roots / sizeof roots[0]; n++) {
        const float root = rig_sqrt(roots[n] * roots[n]);
        CHECK(root >= roots[n] * 0.9999998f && root <= roots[n] * 1.0000002f);
    }
    CHECK(!rig_is_finite(rig_sqrt(-1.0f)) && !rig_is_finite(rig_sqrt(rig_nan())));
}

static void nothing_before_hello(void)
{
    bench_boot();
    CHECK(bench.cut_open && !bench.output_on);
    CHECK(bench_exchange(KEY_ON, 5.0f, 0.0f) == 1u && bench_error() == 2u);
    CHECK(bench_request(3u, 0u, 5u, NULL, 0u) == 1u && bench_error() == 2u); /* link 0 is no link */
    CHECK(bench_request(4u, 77u, 5u, NULL, 0u) == 1u && bench_kind() == 0x84u);
    CHECK(bench_next(1u, NULL, 0u) == 1u && bench_kind() == 0x81u && bench.reply_bytes == 6u + 68u);
    CHECK(bench_exchange(KEY_ON, 5.0f, 0.0f) == 1u && bench_error() == 4u);
    CHECK(bench.turned_on == 0u);
}

static void order_of_checks(void)
{
    uint8_t body[20];
    memset(body, 0, sizeof body);
    bench_boot();
    bench_radiate();
    /* 1 before 2: no request at all, whatever its version; and it changes nothing */
    CHECK(send_version(9u, 0u, 1u) == 0u && send_version(9u, 0x7Fu, 1u) == 0u && send_version(1u, 0x83u, 1u) == 0u);
    CHECK(send_version(1u, 0xFFu, 1u) == 0u && bench.output_on);
    CHECK(bench_exchange(KEY_ON, 5.0f, 0.0f) == 1u && bench_bad_frames() == 4u);
    /* 2 before 3: an RF_OFF of another version is an ERROR, and RF is off all the same */
    CHECK(send_version(2u, 4u, 1u) == 1u && bench_error() == 1u && !bench.output_on);
    /* 4: HELLO */
    bench_radiate();
    CHECK(bench_request(1u, 0u, 1u, body, 1u) == 1u && bench_error() == 3u);
    CHECK(bench_request(1u, 0u, 1u, NULL, 0u) == 1u && bench_error() == 2u);
    CHECK(bench_exchange(KEY_ON, 5.0f, 0.0f) == 1u && bench_kind() == 0x83u); /* the link is still there */
    /* 5 before 6 */
    CHECK(bench_request(9u, BENCH_LINK + 1u, bench.seq, NULL, 0u) == 1u && bench_error() == 2u);
    /* 6, 7 before 8 */
    CHECK(bench_request(9u, BENCH_LINK, bench.seq, NULL, 0u) == 1u && bench_error() == 6u);
    CHECK(bench_request(9u, BENCH_LINK, (uint16_t)(bench.seq + 32768u), NULL, 0u) == 1u && bench_error() == 6u);
    CHECK(bench_request(9u, BENCH_LINK, (uint16_t)(bench.seq - 1u), NULL, 0u) == 1u && bench_error() == 6u);
    CHECK(bench_exchange(KEY_ON, 5.0f, 0.0f) == 1u && bench_kind() == 0x83u);
    /* 8 before 9 and 10 */
    CHECK(bench_next(2u, body, 13u) == 1u && bench_error() == 3u && !bench.output_on);
    CHECK(bench_exchange(KEY_ON, 5.0f, 0.0f) == 1u && bench.output_on);
    CHECK(bench_next(3u, body, 15u) == 1u && bench_error() == 3u);
    CHECK(bench_next(5u, body, 1u) == 1u && bench_error() == 3u);
    CHECK(bench_next(0x7Eu, NULL, 0u) == 1u && bench_error() == 3u && bench.reply[6] == 0x7Eu);
    /* 9 before 10: CONFIGURE while RF is on, with a refused value; the configuration stays */
    CHECK(bench_exchange(KEY_ON, 5.0f, 0.0f) == 1u && bench.output_on);
    CHECK(bench_next(2u, body, 14u) == 1u && bench_error() == 7u && !bench.output_on);
    CHECK(bench_exchange(KEY_ON, 5.0f, 0.0f) == 1u && bench_kind() == 0x83u);
    CHECK(bench_exchange(KEY_OFF, 0.0f, 0.0f) == 1u);
    CHECK(bench_next(2u, body, 14u) == 1u && bench_error() == 5u); /* and now it is refused, */
    CHECK(bench_exchange(KEY_OFF, 0.0f, 0.0f) == 1u && bench_error() == 4u); /* and nothing is configured */
}

/* The same request again: the same reply, and nothing done. An ERROR from check 8 on is stored like any reply. */
static void stored_replies(void)
{
    uint8_t first[RIG_PAYLOAD_MAX];
    bench_boot();
    bench_radiate();
    memcpy(first, bench.reply, bench.reply_bytes);
    const size_t count = bench.reply_bytes;
    uint8_t body[14];
    uint8_t *at = rig_put_u32(body, (uint32_t)(bench.seq - 1));
    at = rig_put_u8(at, KEY_ON);
    at = rig_put_u8(at, 0u);
    at = rig_put_f32(at, 5.0f);
    (void)rig_put_f32(at, 0.0f);
    bench_wait_us(30000u);
    CHECK(bench_request(3u, BENCH_LINK, bench.seq, body, 14u) == 1u);
    CHECK(bench.reply_bytes == count && memcmp(first, bench.reply, count) == 0 && bench.turned_on == 1u);
    body[0] ^= 1u; /* not byte for byte the same */
    CHECK(bench_request(3u, BENCH_LINK, bench.seq, body, 14u) == 1u && bench_error() == 6u && !bench.output_on);

    CHECK(bench_next(9u, NULL, 0u) == 1u && bench_error() == 3u);
    CHECK(bench_request(9u, BENCH_LINK, bench.seq, NULL, 0u) == 1u && bench_error() == 3u);
    CHECK(bench_request(9u, BENCH_LINK, bench.seq, body, 1u) == 1u && bench_error() == 6u);

    /* an EXCHANGE that was sent before RF_OFF and comes after it does nothing */
    CHECK(bench_exchange(KEY_ON, 5.0f, 0.0f) == 1u && bench.output_on);
    const uint16_t late = (uint16_t)(bench.seq + 1u);
    bench.seq = (uint16_t)(bench.seq + 1u);
    CHECK(bench_next(4u, body, 3u) == 1u && bench_kind() == 0x84u && !bench.output_on);
    CHECK(bench_request(3u, BENCH_LINK, late, body, 14u) == 1u && bench_error() == 6u && !bench.output_on);
    CHECK(bench_request(4u, 99u, (uint16_t)(bench.seq + 9u), NULL, 0u) == 1u); /* another link's RF_OFF moves no seq */
    CHECK(bench_exchange(KEY_ON, 5.0f, 0.0f) == 1u && bench_kind() == 0x83u);
    CHECK(bench_request(4u, BENCH_LINK, (uint16_t)(bench.seq - 5u), NULL, 0u) == 1u && !bench.output_on); /* an old seq */
    CHECK(bench_exchange(KEY_ON, 5.0f, 0.0f) == 1u && bench_kind() == 0x83u);

    CHECK(bench_next(5u, NULL, 0u) == 1u && bench_kind() == 0x85u && !bench.output_on);
    CHECK(bench_request(5u, BENCH_LINK, bench.seq, NULL, 0u) == 1u && bench_kind() == 0x85u);
    CHECK(bench_request(5u, BENCH_LINK, (uint16_t)(bench.seq + 1u), NULL, 0u) == 1u && bench_error() == 2u);
    CHECK(bench_exchange(KEY_ON, 5.0f, 0.0f) == 1u && bench_error() == 2u && !bench.output_on);
}

static void sequence_wraps(void)
{
    bench_boot();
    bench.seq = 65530u;
    bench_radiate();
    for (int n = 0; n < 10; n++) {
        CHECK(bench_exchange(KEY_ON, 5.0f, 0.0f) == 1u && bench_kind() == 0x83u);
    }
    bench.seq = (uint16_t)(bench.seq + 32766u); /* the farthest that is new */
    CHECK(bench_exchange(KEY_ON, 5.0f, 0.0f) == 1u && bench_kind() == 0x83u);
}

static void put_configuration(uint8_t body[14], uint16_t watchdog, uint16_t period, uint32_t power, uint32_t limit,
                              uint8_t channels, uint8_t flags)
{
    uint8_t *at = rig_put_u16(body, watchdog);
    at = rig_put_u16(at, period);
    at = rig_put_u32(at, power);
    at = rig_put_u32(at, limit);
    at = rig_put_u8(at, channels);
    (void)rig_put_u8(at, flags);
}

static void configurations(void)
{
    /* 20 W is 41A00000; 150 C is 43160000; 90 C is 42B40000. The rig has 3 channels, 10..1000 ms, 20 W. */
    static const struct {
        uint16_t watchdog, period;
        uint32_t power, limit;
        uint8_t channels, flags;
        bool taken;
    } cases[] = {
        {200, 20, 0x41A00000u, 0x43160000u, 7, 1, true},  {10, 5, 0x00000001u, 0x00000001u, 1, 0, true},
        {1000, 500, 0x41A00000u, 0x42B40000u, 5, 0, true}, {9, 1, 0x41200000u, 0x42B40000u, 1, 0, false},
        {1001, 1, 0x41200000u, 0x42B40000u, 1, 0, false},  {39, 20, 0x41200000u, 0x42B40000u, 1, 0, false},
        {200, 0, 0x41200000u, 0x42B40000u, 1, 0, false},   {1000, 40000, 0x41200000u, 0x42B40000u, 1, 0, false},
        {200, 20, 0x00000000u, 0x42B40000u, 1, 0, false},  {200, 20, 0x80000000u, 0x42B40000u, 1, 0, false},
        {200, 20, 0xC1200000u, 0x42B40000u, 1, 0, false},  {200, 20, 0x41A00001u, 0x42B40000u, 1, 0, false},
        {200, 20, 0x7F800000u, 0x42B40000u, 1, 0, false},  {200, 20, 0x7FC00000u, 0x42B40000u, 1, 0, false},
        {200, 20, 0x41200000u, 0x00000000u, 1, 0, false},  {200, 20, 0x41200000u, 0x80000000u, 1, 0, false},
        {200, 20, 0x41200000u, 0x43160001u, 1, 0, false},  {200, 20, 0x41200000u, 0xFFC00000u, 1, 0, false},
        {200, 20, 0x41200000u, 0xFF800000u, 1, 0, false},  {200, 20, 0x41200000u, 0x42B40000u, 0, 0, false},
        {200, 20, 0x41200000u, 0x42B40000u, 6, 0, false},  {200, 20, 0x41200000u, 0x42B40000u, 9, 0, false},
        {200, 20, 0x41200000u, 0x42B40000u, 1, 2, false},  {200, 20, 0x41200000u, 0x42B40000u, 1, 0x81, false},
    };
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        uint8_t body[14];
        bench_boot();
        bench_connect();
        put_configuration(body, cases[n].watchdog, cases[n].period, cases[n].power, cases[n].limit, cases[n].channels,
                          cases[n].flags);
        CHECK(bench_next(2u, body, sizeof body) == 1u);
        CHECK(bench_error() == (cases[n].taken ? 0u : 5u));
        CHECK(!cases[n].taken || memcmp(bench.reply + 6, body, sizeof body) == 0);
        CHECK(bench_exchange(KEY_OFF, 0.0f, 0.0f) == 1u && bench_error() == (cases[n].taken ? 0u : 4u));
        if (bench_failures != 0) {
            (void)fprintf(stderr, "configuration %u\n", (unsigned)n);
            return;
        }
    }
    bench_boot(); /* a return electrode cannot be watched without a monitor */
    bench.identity.capabilities &= ~RIG_CAN_RETURN;
    CHECK(rig_init(&bench.identity) && bench_next(1u, NULL, 0u) == 1u);
    CHECK(bench_configure(200u, 90.0f, 1u, 1u) == 1u && bench_error() == 5u);
}

static uint32_t exchange_bits(uint8_t key, uint8_t reserved, uint32_t power, uint32_t flow)
{
    uint8_t body[14];
    uint8_t *at = rig_put_u32(body, 1u);
    at = rig_put_u8(at, key);
    at = rig_put_u8(at, reserved);
    at = rig_put_u32(at, power);
    (void)rig_put_u32(at, flow);
    (void)bench_next(3u, body, sizeof body);
    return bench_error();
}

static void commands(void)
{
    static const struct {
        uint8_t key, reserved;
        uint32_t power, flow;
        uint32_t error;
    } cases[] = {
        {KEY_ON, 0, 0x41200000u, 0x00000000u, 0},  {KEY_ON, 0, 0x80000000u, 0x80000000u, 0},
        {KEY_OFF, 0, 0x41200000u, 0x41200000u, 0}, {KEY_ON, 0, 0x41200001u, 0x00000000u, 5},
        {KEY_ON, 0, 0x80000001u, 0x00000000u, 5},  {KEY_ON, 0, 0x7F800000u, 0x00000000u, 5},
        {KEY_ON, 0, 0x7FC00000u, 0x00000000u, 5},  {KEY_ON, 0, 0xFF800001u, 0x00000000u, 5},
        {KEY_ON, 0, 0x40A00000u, 0x80000001u, 5},  {KEY_ON, 0, 0x40A00000u, 0x7F800000u, 5},
        {KEY_ON, 0, 0x40A00000u, 0x7FC00000u, 5},  {KEY_OFF, 0, 0x41200001u, 0x00000000u, 5},
        {0xC2u, 0, 0x40A00000u, 0x00000000u, 5},   {0x00u, 0, 0x00000000u, 0x00000000u, 5},
        {0x01u, 0, 0x40A00000u, 0x00000000u, 5},   {KEY_ON, 1, 0x40A00000u, 0x00000000u, 5},
    };
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        bench_boot();
        bench_radiate();
        CHECK(exchange_bits(cases[n].key, cases[n].reserved, cases[n].power, cases[n].flow) == cases[n].error);
        CHECK(bench.output_on == (cases[n].error == 0u && cases[n].key == KEY_ON));
        CHECK(bench_exchange(KEY_OFF, 0.0f, 0.0f) == 1u && bench_error() == 0u); /* still configured */
    }
    bench_boot();
    bench_radiate();
    CHECK(exchange_bits(KEY_ON, 0u, 0x80000000u, 0u) == 0u && bench.output_w == 0.0f);
    bench_boot(); /* flow on a rig without a pump */
    bench.identity.capabilities &= ~RIG_CAN_PUMP;
    CHECK(rig_init(&bench.identity));
    bench_radiate();
    CHECK(exchange_bits(KEY_ON, 0u, 0x40A00000u, 0x80000000u) == 0u);
    CHECK(exchange_bits(KEY_ON, 0u, 0x40A00000u, 0x00000001u) == 5u && !bench.output_on);
}

static void bad_frames_saturate(void)
{
    static const uint8_t junk[] = {5u, 1u, 0u};
    bench_boot();
    bench_connect();
    for (int n = 0; n < 65534; n++) {
        rig_receive(junk, sizeof junk);
    }
    CHECK(bench_exchange(KEY_OFF, 0.0f, 0.0f) == 1u && bench_bad_frames() == 65534u);
    for (int n = 0; n < 3; n++) {
        rig_receive(junk, sizeof junk);
        CHECK(bench_request(0x80u, BENCH_LINK, 1u, NULL, 0u) == 0u);
    }
    CHECK(bench_exchange(KEY_OFF, 0.0f, 0.0f) == 1u && bench_bad_frames() == 65535u);
    bench_connect();
    CHECK(bench_exchange(KEY_OFF, 0.0f, 0.0f) == 1u && bench_bad_frames() == 0u);
}

static void wrong_identities_are_refused(void)
{
    bench_boot();
    const struct rig_identity good = bench.identity;
    struct rig_identity wrong = good;
    wrong.thermocouples = 0u;
    CHECK(!rig_init(&wrong));
    wrong.thermocouples = 9u;
    CHECK(!rig_init(&wrong));
    wrong = good;
    wrong.capabilities = 0x200u;
    CHECK(!rig_init(&wrong));
    wrong = good;
    wrong.watchdog_min_ms = 3u;
    CHECK(!rig_init(&wrong));
    wrong = good;
    wrong.watchdog_max_ms = 9u;
    CHECK(!rig_init(&wrong));
    wrong = good;
    wrong.max_power_w = rig_nan();
    CHECK(!rig_init(&wrong));
    wrong.max_power_w = 0.0f;
    CHECK(!rig_init(&wrong));
}

int main(void)
{
    crc_is_zlibs();
    frames_come_back();
    damaged_frames_are_counted_alone();
    square_roots();
    nothing_before_hello();
    order_of_checks();
    stored_replies();
    sequence_wraps();
    configurations();
    commands();
    bad_frames_saturate();
    wrong_identities_are_refused();
    test_watch();
    (void)printf("unit tests: %s\n", bench_failures == 0 ? "all hold" : "BROKEN");
    return bench_failures == 0 ? 0 : 1;
}
