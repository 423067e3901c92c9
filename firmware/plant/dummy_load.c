#include "dummy_load.h"

#include "../core/rig_frame.h"
#include "../core/rig_meter.h"

#include <string.h>

/* All figures here are assumed, and chosen for a bench: 8 W takes the block from 22 to 60 degC in about 20 s. */
#define ROOM_C 22.0f
#define LOAD_OHM 100.0f            /* at room temperature */
#define LOAD_PER_C 0.0004f         /* a wire-wound resistor's share per degree */
#define RESISTOR_J_C 0.6f
#define BLOCK_J_C 3.4f             /* 3.8 g of aluminium at 0.9 J/g/degC */
#define CONTACT_W_C 2.0f           /* resistor to block */
#define LOSS_W_C 0.04f             /* block to room */
#define JUNCTION_S 0.3f            /* a thermocouple's lag */
#define CHANNEL_SHARE 0.04f        /* each further channel sits this share of the rise farther out */
#define MAX_VOLTAGE_V 80.0f
#define MAX_CURRENT_A 0.8f
#define ON_DELAY_US 2000u          /* from enable to RF */
#define SLEW_W_S 400.0f
#define STUCK_W 2.0f               /* what a stage delivers that is stuck without a set-point */
#define PUMP_LAG_S 0.4f
#define STAGE_LAG_S 30.0f
#define STAGE_C_PER_W 1.5f
#define STEP_US 5000u              /* well below the shortest time constant, resistor to block: 0.25 s */
#define STEPS_MAX 40u              /* bounds the work after a standstill; the rest of it is not caught up */

struct dummy_faults dummy_faults;

/* For a debug probe: whether the stage is enabled, when it was last switched (low word, high word), and how long before
 * that the load was last looked at: no longer than a poll on a board whose timer is in time. */
extern volatile uint32_t dummy_witness[4];
volatile uint32_t dummy_witness[4];

static struct {
    uint8_t thermocouples;
    uint32_t noise;
    uint64_t now_us;
    bool enabled;
    bool cut_open;
    float asked_w;
    uint64_t changed_us;
    float source_w;     /* what the stage puts out */
    float delivered_w;  /* what of it comes past the second cut */
    float asked_flow_ml_min;
    float flow_ml_min;
    float resistor_c;
    float block_c;
    float stage_c;
    float junction_c[RIG_THERMOCOUPLES_MAX];
    struct rig_meter meter; /* since the previous reading */
} dummy;

static float lagged(float from, float to, float dt_s, float lag_s)
{
    const float share = dt_s / lag_s;
    return share < 1.0f ? from + (to - from) * share : to;
}

/* Noise of about unit sigma: four uniform numbers of a xorshift generator, summed. */
static float noise(void)
{
    uint32_t x = dummy.noise;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    dummy.noise = x;
    const uint32_t sum = (x & 255u) + (x >> 8 & 255u) + (x >> 16 & 255u) + (x >> 24);
    return ((float)sum - 510.0f) * (1.0f / 148.0f);
}

/* To the converter's step. */
static float rounded(float value, float step)
{
    const float half = value < 0.0f ? -0.5f : 0.5f;
    return (float)(int32_t)(value / step + half) * step;
}

static float load_ohm(void)
{
    return LOAD_OHM * (1.0f + LOAD_PER_C * (dummy.resistor_c - ROOM_C));
}

static bool reads_back_on(void)
{
    return dummy_faults.stuck_on || (dummy.enabled && !dummy_faults.stage_dead);
}

static float lesser(float a, float b)
{
    return a < b ? a : b;
}

static void drive(float dt_s)
{
    const bool past_delay = dummy.now_us - dummy.changed_us >= ON_DELAY_US;
    const bool on = reads_back_on() || dummy_faults.leaks;
    float target_w = 0.0f;
    if (dummy.enabled && on && past_delay) {
        target_w = dummy.asked_w;
    } else if (dummy_faults.stuck_on || dummy_faults.leaks) {
        target_w = STUCK_W;
    }
    const float ohm = load_ohm();
    target_w = lesser(target_w, MAX_VOLTAGE_V * MAX_VOLTAGE_V / ohm);
    target_w = lesser(target_w, MAX_CURRENT_A * MAX_CURRENT_A * ohm);
    if (target_w > dummy.source_w) {
        dummy.source_w = lesser(target_w, dummy.source_w + SLEW_W_S * dt_s);
    } else {
        dummy.source_w = target_w; /* down and off: at once */
    }
    dummy.delivered_w = dummy.cut_open ? 0.0f : dummy.source_w;
}

static void step(uint32_t dt_us)
{
    const float dt_s = (float)dt_us * 1.0e-6f;
    dummy.now_us += dt_us;
    drive(dt_s);
    const float ohm = load_ohm();
    const float voltage_v = rig_sqrt(dummy.delivered_w * ohm);
    rig_meter_add(&dummy.meter, dt_us, dummy.delivered_w, voltage_v, voltage_v / ohm);

    const float into_block_w = CONTACT_W_C * (dummy.resistor_c - dummy.block_c);
    dummy.resistor_c += (dummy.delivered_w - into_block_w) * dt_s / RESISTOR_J_C;
    dummy.block_c += (into_block_w - LOSS_W_C * (dummy.block_c - ROOM_C)) * dt_s / BLOCK_J_C;
    dummy.stage_c = lagged(dummy.stage_c, ROOM_C + STAGE_C_PER_W * dummy.source_w, dt_s, STAGE_LAG_S);
    dummy.flow_ml_min = lagged(dummy.flow_ml_min, dummy.asked_flow_ml_min, dt_s, PUMP_LAG_S);
    for (unsigned n = 0; n < dummy.thermocouples; n++) {
        const float site_c = ROOM_C + (dummy.block_c - ROOM_C) * (1.0f - CHANNEL_SHARE * (float)n);
        dummy.junction_c[n] = lagged(dummy.junction_c[n], site_c, dt_s, JUNCTION_S);
    }
}

static void advance(void)
{
    const uint64_t now_us = rig_port_now_us();
    for (unsigned n = 0; n < STEPS_MAX && dummy.now_us < now_us; n++) {
        const uint64_t left_us = now_us - dummy.now_us;
        step(left_us < STEP_US ? (uint32_t)left_us : STEP_US);
    }
    dummy.now_us = now_us;
}

void dummy_init(uint8_t thermocouples, uint32_t seed)
{
    memset(&dummy, 0, sizeof dummy);
    memset(&dummy_faults, 0, sizeof dummy_faults);
    dummy.thermocouples = thermocouples < RIG_THERMOCOUPLES_MAX ? thermocouples : RIG_THERMOCOUPLES_MAX;
    dummy.noise = seed != 0u ? seed : 1u; /* a xorshift generator stays at 0 for ever */
    dummy.now_us = rig_port_now_us();
    dummy.resistor_c = dummy.block_c = dummy.stage_c = ROOM_C;
    for (unsigned n = 0; n < RIG_THERMOCOUPLES_MAX; n++) {
        dummy.junction_c[n] = ROOM_C;
    }
}

struct dummy_truth dummy_truth(void)
{
    const struct dummy_truth truth = {
        .delivered_w = dummy.delivered_w,
        .block_c = dummy.block_c,
        .asked_flow_ml_min = dummy.asked_flow_ml_min,
        .enabled = dummy.enabled,
        .second_cut_open = dummy.cut_open,
        .changed_us = dummy.changed_us,
    };
    return truth;
}

void rig_port_set_output(bool on, float power_w)
{
    const uint64_t seen_us = dummy.now_us;
    advance();
    if (on != dummy.enabled) {
        dummy.enabled = on;
        dummy.changed_us = dummy.now_us;
        dummy_witness[0] = on ? 1u : 0u;
        dummy_witness[1] = (uint32_t)(dummy.now_us & 0xFFFFFFFFu);
        dummy_witness[2] = (uint32_t)(dummy.now_us >> 32);
        dummy_witness[3] = (uint32_t)(dummy.now_us - seen_us);
    }
    dummy.asked_w = power_w;
    if (!on) {
        drive(0.0f);
    }
}

void rig_port_set_second_cut(bool open)
{
    advance();
    dummy.cut_open = open;
    dummy.delivered_w = open ? 0.0f : dummy.source_w;
}

void rig_port_set_pump(float flow_ml_min)
{
    advance();
    dummy.asked_flow_ml_min = flow_ml_min;
}

void rig_port_read(struct rig_sensors *sensors)
{
    advance();
    if (dummy.meter.elapsed_us == 0u) { /* no time has passed: what there is now */
        const float ohm = load_ohm();
        const float voltage_v = rig_sqrt(dummy.delivered_w * ohm);
        rig_meter_add(&dummy.meter, 0u, dummy.delivered_w, voltage_v, voltage_v / ohm);
    }
    sensors->power_w = dummy_faults.no_power_reading ? rig_nan() : rounded(dummy.meter.power_w + 0.01f * noise(), 0.001f);
    const float voltage_v = rig_sqrt(dummy.meter.voltage_sq) + 0.02f * noise();
    const float current_a = rig_sqrt(dummy.meter.current_sq) + 0.0002f * noise();
    sensors->voltage_v = voltage_v > 0.0f ? rounded(voltage_v, 0.01f) : 0.0f; /* an RMS meter shows no less */
    sensors->current_a = current_a > 0.0f ? rounded(current_a, 0.0001f) : 0.0f;
    memset(&dummy.meter, 0, sizeof dummy.meter);

    sensors->phase_deg = rounded(-2.0f + 0.2f * noise(), 0.1f);
    sensors->flow_ml_min = rounded(dummy.flow_ml_min + 0.02f * noise(), 0.01f);
    sensors->coolant_c = rounded(ROOM_C + 0.05f * noise(), 0.0625f);
    sensors->stage_c = rounded(dummy.stage_c + 0.1f * noise(), 0.0625f);
    for (unsigned n = 0; n < RIG_THERMOCOUPLES_MAX; n++) {
        const float reading_c = dummy.junction_c[n] + dummy_faults.offset_c[n] + 0.03f * noise();
        sensors->temperature_c[n] = rounded(reading_c, 0.0078125f);
        sensors->tc_fault[n] = dummy_faults.tc_fault[n];
    }
    sensors->rf_enabled = reads_back_on();
    sensors->pump_turning = dummy.flow_ml_min > 0.1f;
    sensors->loop_closed = !dummy_faults.loop_open;
    sensors->start_pressed = dummy_faults.start_pressed;
    sensors->estop_pressed = dummy_faults.estop_pressed;
    sensors->return_attached = !dummy_faults.return_lost;
    sensors->stage_fault = dummy_faults.stage_fault;
}
