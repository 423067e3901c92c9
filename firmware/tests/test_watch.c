/* What the rig does by itself: watchdog, trips, second cut, pump, meters. Figures are written out, not taken from the
 * code. */
#include "test_watch.h"

#include "bench.h"

#include <string.h>

static void start(void)
{
    bench_boot();
    bench_radiate();
}

/* An EXCHANGE with this key; the trip it shows. */
static uint8_t trip_after(uint8_t key)
{
    CHECK(bench_exchange(key, 5.0f, 0.0f) == 1u && bench_kind() == 0x83u);
    return bench_trip();
}

static void watchdog_is_in_time(void)
{
    static const struct {
        uint16_t offered_ms;
        uint32_t due_us; /* a twentieth early, 2 ms at least */
    } cases[] = {{10, 8000u}, {11, 9000u}, {40, 38000u}, {41, 38950u}, {200, 190000u}, {999, 949050u}, {1000, 950000u}};
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        bench_boot();
        CHECK(bench_next(1u, NULL, 0u) == 1u);
        CHECK(bench_configure(cases[n].offered_ms, 90.0f, 1u, 0u) == 1u && bench_kind() == 0x82u);
        CHECK(trip_after(KEY_ON) == 0u && bench.output_on);
        const uint64_t fed_us = bench.now_us;
        bench_wait_us(2000000u);
        const uint64_t lasted_us = bench.off_us - fed_us;
        CHECK(!bench.output_on && bench.turned_on == 1u);
        CHECK(lasted_us >= cases[n].due_us && lasted_us <= cases[n].due_us + 1000u); /* at the first poll from then on */
        CHECK(lasted_us + 1000u <= 1000u * (uint64_t)cases[n].offered_ms); /* which may be late by one, and is in time */
        CHECK(trip_after(KEY_ON) == 1u && (bench_status() & 4u) != 0u && !bench.output_on); /* latched */
        bench_radiate(); /* HELLO clears it */
        CHECK(trip_after(KEY_ON) == 0u && (bench_status() & 4u) == 0u);
    }
}

static void watchdog_is_fed_by_new_samples_alone(void)
{
    uint8_t again[20];
    start();
    const uint64_t fed_us = bench.now_us;
    uint8_t *at = rig_put_u8(again, 1u);
    at = rig_put_u8(at, 3u);
    at = rig_put_u16(at, BENCH_LINK);
    at = rig_put_u16(at, bench.seq);
    at = rig_put_u32(at, (uint32_t)(bench.seq - 1));
    at = rig_put_u8(at, KEY_ON);
    at = rig_put_u8(at, 0u);
    at = rig_put_f32(at, 5.0f);
    (void)rig_put_f32(at, 0.0f);
    while (bench.now_us < fed_us + 400000u) {
        CHECK(bench_send(again, sizeof again) == 1u && bench_kind() == 0x83u); /* a stored reply */
        bench_wait_us(10000u);
    }
    CHECK(!bench.output_on && bench.off_us <= fed_us + 200000u);

    start();
    for (int n = 0; n < 100; n++) {
        bench_wait_us(189000u);
        CHECK(trip_after(KEY_ON) == 0u && bench.output_on);
    }
    CHECK(trip_after(KEY_OFF) == 0u);
    bench_wait_us(5000000u); /* off by command: it does not run */
    CHECK(trip_after(KEY_ON) == 0u && bench.output_on);
}

/* The causes that switches and sensors make, and the trip each is to be. */
enum cause { TEMPERATURE, INFINITE, TC_OPEN, TC_GROUND, TC_SUPPLY, NOT_A_NUMBER, LOOP, ESTOP, STAGE, RETURN, CAUSES };

static uint8_t put(enum cause cause, bool there)
{
    static const uint8_t infinity[] = {0u, 0u, 0x80u, 0x7Fu};
    struct rig_sensors *now = &bench.sensors;
    switch (cause) {
    case TEMPERATURE:
        now->temperature_c[1] = there ? 90.01f : 90.0f;
        return 2u;
    case INFINITE:
        now->temperature_c[0] = there ? rig_get_f32(infinity) : 25.0f;
        return 3u;
    case TC_OPEN:
    case TC_GROUND:
    case TC_SUPPLY:
        now->tc_fault[1] = there ? (uint8_t)(cause - TC_OPEN + 1) : 0u;
        return 3u;
    case NOT_A_NUMBER:
        now->temperature_c[1] = there ? rig_nan() : 25.0f;
        return 3u;
    case LOOP:
        now->loop_closed = !there;
        return 4u;
    case ESTOP:
        now->estop_pressed = there;
        return 5u;
    case STAGE:
        now->stage_fault = there;
        return 6u;
    case RETURN:
    case CAUSES:
        break;
    }
    now->return_attached = !there;
    return 7u;
}

static void connect(void)
{
    CHECK(bench_next(1u, NULL, 0u) == 1u && bench_kind() == 0x81u);
    CHECK(bench_configure(200u, 90.0f, 3u, 1u) == 1u && bench_kind() == 0x82u);
}

static void every_cause(void)
{
    for (int n = 0; n < CAUSES; n++) {
        const enum cause cause = (enum cause)n;
        bench_boot();
        connect();
        CHECK(trip_after(KEY_ON) == 0u && bench.output_on);
        const uint64_t at_us = bench.now_us;
        const uint8_t trip = put(cause, true);
        bench_wait_us(10000u);
        CHECK(!bench.output_on && bench.off_us <= at_us + 1000u); /* at the next poll, without a frame */
        (void)put(cause, false);
        bench_wait_us(10000u);
        CHECK(trip_after(KEY_ON) == trip && !bench.output_on); /* latched, the cause gone */
        CHECK(trip_after(KEY_OFF) == trip);
        (void)put(cause, true);
        connect();
        CHECK(trip_after(KEY_OFF) == trip); /* HELLO with the cause there: it stays */
        (void)put(cause, false);
        CHECK(trip_after(KEY_ON) == trip && !bench.output_on); /* and stays latched */
        connect();
        CHECK(trip_after(KEY_ON) == 0u && bench.output_on); /* HELLO with the cause gone */

        bench_boot(); /* off by command: shown while it is there, not latched */
        connect();
        (void)put(cause, true);
        CHECK(trip_after(KEY_OFF) == trip);
        bench_wait_us(50000u);
        (void)put(cause, false);
        CHECK(trip_after(KEY_OFF) == 0u);
        (void)put(cause, true); /* asking for RF latches it */
        CHECK(trip_after(KEY_ON) == trip && !bench.output_on);
        (void)put(cause, false);
        CHECK(trip_after(KEY_ON) == trip && !bench.output_on);

        bench_boot(); /* HELLO twice: a fault is not forgotten with the configuration it was latched under */
        connect();
        (void)put(cause, true);
        CHECK(trip_after(KEY_ON) == trip);
        CHECK(bench_next(1u, NULL, 0u) == 1u);
        CHECK(bench_next(1u, NULL, 0u) == 1u);
        (void)put(cause, false);
        CHECK(bench_configure(200u, 90.0f, 3u, 1u) == 1u && bench_kind() == 0x82u);
        CHECK(trip_after(KEY_ON) == trip && !bench.output_on);
    }
}

static void first_cause_is_kept_and_unused_channels_do_not_count(void)
{
    start();
    bench.sensors.estop_pressed = true;
    bench_wait_us(1000u);
    bench.sensors.loop_closed = false;
    bench_wait_us(1000u);
    CHECK(trip_after(KEY_ON) == 5u);
    bench.sensors.estop_pressed = false;
    bench_connect(); /* the latched cause is gone; the other is present */
    CHECK(trip_after(KEY_OFF) == 4u);
    bench.sensors.loop_closed = true;
    CHECK(trip_after(KEY_OFF) == 0u);

    start(); /* channels 0 and 1 are in use, and no return electrode is required */
    bench.sensors.temperature_c[2] = 140.0f;
    bench.sensors.tc_fault[2] = 2u;
    bench.sensors.return_attached = false;
    bench_wait_us(50000u);
    CHECK(trip_after(KEY_ON) == 0u && bench.output_on);
    CHECK(rig_get_u16(bench.reply + 6 + 16) == 2u << 4); /* but its fault is told, */
    CHECK(!rig_is_finite(bench_float(46u + 8u)));        /* and its reading is none */
}

static void stuck_stage_has_its_second_cut_opened(void)
{
    start();
    bench.stuck = true;
    CHECK(trip_after(KEY_OFF) == 0u);
    const uint64_t off_us = bench.now_us;
    bench_wait_us(95000u);
    CHECK(!bench.cut_open && trip_after(KEY_OFF) == 0u);
    bench_wait_us(10000u);
    CHECK(bench.cut_open && bench.now_us <= off_us + 110000u);
    CHECK(trip_after(KEY_OFF) == 6u && (bench_status() & 0x81u) == 0x81u);
    CHECK(trip_after(KEY_ON) == 6u && !bench.output_on && bench.cut_open);
    bench_connect();
    CHECK(trip_after(KEY_ON) == 6u && bench.cut_open); /* still stuck */
    bench.stuck = false;
    CHECK(trip_after(KEY_ON) == 6u && bench.cut_open); /* latched */
    bench_radiate();                                   /* HELLO: the cut closes with RF, not before */

    start(); /* a short spike is no fault */
    CHECK(trip_after(KEY_OFF) == 0u);
    bench.stuck = true;
    bench_wait_us(90000u);
    bench.stuck = false;
    bench_wait_us(2000u);
    bench.stuck = true;
    bench_wait_us(90000u);
    CHECK(trip_after(KEY_OFF) == 0u && !bench.cut_open);
}

static void leaking_stage_is_held_until_a_restart(void)
{
    start();
    CHECK(trip_after(KEY_OFF) == 0u);
    bench.sensors.power_w = 0.29f;
    bench_wait_us(200000u);
    CHECK(trip_after(KEY_OFF) == 0u && !bench.cut_open);
    bench.sensors.power_w = 0.4f; /* delivered, with the stage reading back off */
    bench_wait_us(110000u);
    CHECK(trip_after(KEY_OFF) == 6u && bench.cut_open);
    bench.sensors.power_w = 0.0f; /* nothing comes through an open cut */
    bench_wait_us(50000u);
    CHECK(trip_after(KEY_ON) == 6u && bench.cut_open);
    bench_connect();
    CHECK(trip_after(KEY_ON) == 6u && bench.cut_open && !bench.output_on);
    bench_boot();
    bench_radiate();
}

static void pump_goes_on_and_stops(void)
{
    start();
    CHECK(bench_exchange(KEY_ON, 5.0f, 12.5f) == 1u && bench.flow_ml_min == 12.5f);
    CHECK(bench_next(4u, NULL, 0u) == 1u && bench.flow_ml_min == 12.5f); /* RF_OFF */
    CHECK((bench.reply[6] & 3u) == 2u);
    CHECK(bench_next(9u, NULL, 0u) == 1u && bench_error() == 3u && bench.flow_ml_min == 12.5f);
    CHECK(bench_exchange(KEY_ON, 5.0f, -1.0f) == 1u && bench_error() == 5u && bench.flow_ml_min == 12.5f);
    CHECK(bench_exchange(KEY_ON, 5.0f, 12.5f) == 1u && bench.output_on);
    const uint64_t last_us = bench.now_us;
    bench_wait_us(1000000u); /* the watchdog */
    CHECK(!bench.output_on && bench.flow_ml_min == 12.5f);
    bench_wait_us(118990000u);
    CHECK(bench.now_us - last_us == 119990000u && bench.flow_ml_min == 12.5f);
    bench_wait_us(11000u);
    CHECK(bench.flow_ml_min == 0.0f);
    CHECK(bench_exchange(KEY_OFF, 0.0f, 3.0f) == 1u && bench.flow_ml_min == 3.0f);
    bench_connect();
    CHECK(bench.flow_ml_min == 0.0f);
    CHECK(bench_exchange(KEY_OFF, 0.0f, 3.0f) == 1u && bench.flow_ml_min == 3.0f);
    CHECK(bench_next(5u, NULL, 0u) == 1u && bench_kind() == 0x85u && bench.flow_ml_min == 0.0f);
}

static bool near(float value, float wanted)
{
    const float off = value > wanted ? value - wanted : wanted - value;
    return off <= 1.0e-4f * wanted;
}

static void meters_are_means_of_their_interval(void)
{
    start();
    bench.sensors.power_w = 8.0f; /* 5 ms at 8 W, 40 V, 0.2 A; then 15 ms at 0 */
    bench.sensors.voltage_v = 40.0f;
    bench.sensors.current_a = 0.2f;
    bench_wait_us(5000u);
    bench.sensors.power_w = bench.sensors.voltage_v = bench.sensors.current_a = 0.0f;
    bench_wait_us(15000u);
    CHECK(trip_after(KEY_ON) == 0u);
    CHECK(near(bench_float(18), 2.0f) && near(bench_float(22), 20.0f) && near(bench_float(26), 0.1f));
    bench_wait_us(20000u); /* the next interval has nothing of it */
    CHECK(trip_after(KEY_ON) == 0u);
    CHECK(bench_float(18) == 0.0f && bench_float(22) == 0.0f && bench_float(26) == 0.0f);

    bench.sensors.power_w = 3.0f; /* an interval is not cut short by a request that was refused */
    bench_wait_us(10000u);
    CHECK(bench_exchange(0x55u, 0.0f, 0.0f) == 1u && bench_error() == 5u);
    bench.sensors.power_w = 0.1f;
    bench_wait_us(10000u);
    CHECK(trip_after(KEY_OFF) == 0u && near(bench_float(18), 1.55f));
    bench.sensors.power_w = rig_nan();
    bench_wait_us(10000u);
    CHECK(trip_after(KEY_OFF) == 0u && rig_get_u32(bench.reply + 6 + 18) == 0x7FC00000u);
    bench.sensors.power_w = -0.0f;
    bench_wait_us(10000u);
    CHECK(trip_after(KEY_OFF) == 0u && rig_get_u32(bench.reply + 6 + 18) == 0u);
}

void test_watch(void)
{
    watchdog_is_in_time();
    watchdog_is_fed_by_new_samples_alone();
    every_cause();
    first_cause_is_kept_and_unused_channels_do_not_count();
    stuck_stage_has_its_second_cut_opened();
    leaking_stage_is_held_until_a_restart();
    pump_goes_on_and_stops();
    meters_are_means_of_their_interval();
}
