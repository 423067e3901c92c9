#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench bench;
int bench_failures;

void bench_failed(const char *file, int line, const char *what)
{
    bench_failures++;
    (void)fprintf(stderr, "%s:%d: not so: %s (at %llu us, seq %u)\n", file, line, what,
                  (unsigned long long)bench.now_us, (unsigned)bench.seq);
}

void rig_port_set_output(bool on, float power_w)
{
    if (on && !bench.output_on) {
        bench.turned_on++;
    }
    if (!on && bench.output_on) {
        bench.off_us = bench.now_us;
    }
    bench.output_on = on;
    bench.output_w = power_w;
}

void rig_port_set_second_cut(bool open)
{
    bench.cut_open = open;
}

void rig_port_set_pump(float flow_ml_min)
{
    bench.flow_ml_min = flow_ml_min;
}

void rig_port_read(struct rig_sensors *sensors)
{
    *sensors = bench.sensors;
    sensors->rf_enabled = bench.output_on || bench.stuck;
    sensors->pump_turning = bench.flow_ml_min > 0.0f;
}

uint64_t rig_port_now_us(void)
{
    return bench.now_us;
}

void rig_port_send(const uint8_t *bytes, size_t count)
{
    static struct rig_decoder decoder;
    enum rig_decoded decoded = RIG_DECODED_NOTHING;
    memset(&decoder, 0, sizeof decoder);
    for (size_t n = 0; n < count; n++) {
        decoded = rig_decode_byte(&decoder, bytes[n]);
        if (n + 1u < count && decoded != RIG_DECODED_NOTHING) {
            break;
        }
    }
    if (decoded != RIG_DECODED_PAYLOAD) {
        bench_failed(__FILE__, __LINE__, "a reply is one whole frame");
        abort();
    }
    memcpy(bench.reply, decoder.data, decoder.payload_bytes);
    bench.reply_bytes = decoder.payload_bytes;
    bench.replies++;
    if (bench_error() != 0u && bench.output_on) {
        bench_failed(__FILE__, __LINE__, "an ERROR is sent with RF off");
        abort();
    }
}

void bench_boot(void)
{
    memset(&bench, 0, sizeof bench);
    const struct rig_identity identity = {
        .thermocouples = 3,
        .capabilities = RIG_CAN_ALL,
        .boot_count = 7,
        .watchdog_min_ms = 10,
        .watchdog_max_ms = 1000,
        .max_power_w = 20.0f,
        .model = "bench",
        .serial = "1",
        .firmware = "1",
    };
    bench.identity = identity;
    bench.sensors.loop_closed = true;
    bench.sensors.return_attached = true;
    for (unsigned n = 0; n < 3u; n++) {
        bench.sensors.temperature_c[n] = 25.0f;
    }
    bench.now_us = 1000u;
    CHECK(rig_init(&bench.identity));
}

void bench_wait_us(uint64_t us)
{
    const uint64_t until_us = bench.now_us + us;
    while (bench.now_us < until_us) {
        const uint64_t left_us = until_us - bench.now_us;
        bench.now_us += left_us < 1000u ? left_us : 1000u;
        rig_poll();
    }
}

uint32_t bench_send(const uint8_t *payload, size_t count)
{
    uint8_t frame[RIG_FRAME_MAX];
    const uint32_t before = bench.replies;
    rig_receive(frame, rig_encode(frame, payload, count));
    return bench.replies - before;
}

uint32_t bench_request(uint8_t kind, uint16_t link, uint16_t seq, const uint8_t *body, size_t count)
{
    uint8_t payload[RIG_PAYLOAD_MAX];
    uint8_t *at = rig_put_u8(payload, 1u);
    at = rig_put_u8(at, kind);
    at = rig_put_u16(at, link);
    at = rig_put_u16(at, seq);
    if (count != 0u) {
        memcpy(at, body, count);
    }
    return bench_send(payload, 6u + count);
}

uint32_t bench_next(uint8_t kind, const uint8_t *body, size_t count)
{
    bench.seq++;
    return bench_request(kind, BENCH_LINK, bench.seq, body, count);
}

uint32_t bench_configure(uint16_t watchdog_ms, float limit_c, uint8_t channels, uint8_t flags)
{
    uint8_t body[14];
    uint8_t *at = rig_put_u16(body, watchdog_ms);
    at = rig_put_u16(at, 20u < watchdog_ms / 2u ? 20u : (uint16_t)(watchdog_ms / 2u));
    at = rig_put_f32(at, 10.0f);
    at = rig_put_f32(at, limit_c);
    at = rig_put_u8(at, channels);
    (void)rig_put_u8(at, flags);
    return bench_next(2u, body, sizeof body);
}

uint32_t bench_exchange(uint8_t key, float power_w, float flow_ml_min)
{
    uint8_t body[14];
    uint8_t *at = rig_put_u32(body, bench.seq);
    at = rig_put_u8(at, key);
    at = rig_put_u8(at, 0u);
    at = rig_put_f32(at, power_w);
    (void)rig_put_f32(at, flow_ml_min);
    return bench_next(3u, body, sizeof body);
}

void bench_connect(void)
{
    CHECK(bench_next(1u, NULL, 0u) == 1u && bench_kind() == 0x81u);
    CHECK(bench_configure(200u, 90.0f, 3u, 0u) == 1u && bench_kind() == 0x82u);
}

void bench_radiate(void)
{
    bench_connect();
    CHECK(bench_exchange(KEY_ON, 5.0f, 0.0f) == 1u && bench_kind() == 0x83u);
    CHECK(bench.output_on && bench.output_w == 5.0f && !bench.cut_open);
}

uint8_t bench_kind(void)
{
    return bench.reply[1];
}

uint8_t bench_error(void)
{
    return bench.reply[1] == 0xFFu ? bench.reply[7] : 0u;
}

uint8_t bench_status(void)
{
    return bench.reply[6 + 12];
}

uint8_t bench_trip(void)
{
    return bench.reply[6 + 13];
}

uint16_t bench_bad_frames(void)
{
    return rig_get_u16(bench.reply + 6 + 14);
}

float bench_float(size_t at)
{
    return rig_get_f32(bench.reply + 6 + at);
}
