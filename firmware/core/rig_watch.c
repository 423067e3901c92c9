#include "rig_watch.h"

#include "rig_frame.h"

#include <string.h>

/* RF present this long while it should be off is an output-stage fault (the contract's figure). */
#define ASTRAY_US 100000u
/* Delivered power from which RF counts as present; assumed: above any meter's offset, well below a lesion's power. */
#define PRESENT_W 0.3f
/* The pump stops this long after the last EXCHANGE (the contract's figure). */
#define PUMP_US 120000000u

static uint8_t bit_of(enum rig_trip trip)
{
    return (uint8_t)(1u << (unsigned)trip);
}

bool rig_watch_has(const struct rig_watch *watch, uint32_t capability)
{
    return (watch->identity->capabilities & capability) != 0u;
}

void rig_watch_off(struct rig_watch *watch)
{
    rig_port_set_output(false, 0.0f);
    watch->rf_on = false;
}

void rig_watch_pump_off(struct rig_watch *watch)
{
    if (rig_watch_has(watch, RIG_CAN_PUMP)) {
        rig_port_set_pump(0.0f);
    }
    watch->pump_runs = false;
}

static void hold_off(struct rig_watch *watch, enum rig_trip trip)
{
    rig_watch_off(watch);
    if (watch->trip == RIG_TRIP_NONE) {
        watch->trip = trip;
    }
}

static void set_cut(struct rig_watch *watch, bool open)
{
    if (rig_watch_has(watch, RIG_CAN_SECOND_CUT) && watch->cut_open != open) {
        rig_port_set_second_cut(open);
    }
    watch->cut_open = open;
}

/* Is RF there though it should not be, and for long enough to be the stage's fault? */
static bool runs_astray(struct rig_watch *watch, uint64_t now_us)
{
    const struct rig_sensors *now = &watch->sensors;
    /* A power reading that is no number tells nothing; the stage's own read-back does. */
    const bool present = now->rf_enabled || now->power_w > PRESENT_W;
    if (watch->rf_on || !present) {
        watch->astray = false;
        return false;
    }
    if (!watch->astray) {
        watch->astray = true;
        watch->astray_us = now_us;
    }
    return now_us - watch->astray_us >= ASTRAY_US;
}

static uint8_t thermal_causes(const struct rig_watch *watch)
{
    uint8_t causes = 0u;
    for (unsigned n = 0; n < watch->identity->thermocouples; n++) {
        if ((watch->limits.channels >> n & 1u) == 0u) {
            continue;
        }
        const float reading_c = watch->sensors.temperature_c[n];
        if ((watch->sensors.tc_fault[n] & 3u) != 0u || !rig_is_finite(reading_c)) {
            causes |= bit_of(RIG_TRIP_THERMOCOUPLE);
        } else if (reading_c > watch->limits.temperature_c) {
            causes |= bit_of(RIG_TRIP_TEMPERATURE);
        }
    }
    return causes;
}

static uint8_t find_causes(struct rig_watch *watch, uint64_t now_us)
{
    const struct rig_sensors *now = &watch->sensors;
    uint8_t causes = thermal_causes(watch); /* no channel is in use before the first CONFIGURE */
    if (!now->loop_closed) {
        causes |= bit_of(RIG_TRIP_LOOP);
    }
    if (now->estop_pressed) {
        causes |= bit_of(RIG_TRIP_ESTOP);
    }
    if (runs_astray(watch, now_us)) {
        if (!watch->cut_open && rig_watch_has(watch, RIG_CAN_SECOND_CUT)) {
            /* Behind an open cut a stage that leaks cannot be seen to have stopped: then only a restart,
             * by someone who has looked at it, clears it. A stage that reads back on can be seen. */
            watch->condemned = !now->rf_enabled;
            set_cut(watch, true);
        }
        causes |= bit_of(RIG_TRIP_STAGE);
    }
    if (now->stage_fault || watch->condemned) {
        causes |= bit_of(RIG_TRIP_STAGE);
    }
    if (watch->limits.return_required && !now->return_attached) {
        causes |= bit_of(RIG_TRIP_RETURN);
    }
    return causes;
}

/* A thermocouple that cannot be read comes before what it reads; the others in the order of their numbers. */
static enum rig_trip first_of(uint8_t causes)
{
    static const enum rig_trip order[] = {
        RIG_TRIP_THERMOCOUPLE, RIG_TRIP_TEMPERATURE, RIG_TRIP_LOOP,
        RIG_TRIP_ESTOP, RIG_TRIP_STAGE, RIG_TRIP_RETURN,
    };
    for (size_t n = 0; n < sizeof order / sizeof order[0]; n++) {
        if ((causes & bit_of(order[n])) != 0u) {
            return order[n];
        }
    }
    return RIG_TRIP_NONE;
}

void rig_watch_init(struct rig_watch *watch, const struct rig_identity *identity)
{
    memset(watch, 0, sizeof *watch);
    watch->identity = identity;
    rig_watch_off(watch);
    rig_watch_pump_off(watch);
    set_cut(watch, true);
    watch->read_us = rig_port_now_us();
}

/* How long before its time the watchdog fires. In time at the latest: the next poll may be RIG_POLL_US away, and as late
 * again (a masked interrupt, a slow reading). And a twentieth of the time, for a board's clock that is slower than the
 * host's and for a timer that is held up for longer (assumed; an emulated board on a busy machine was seen to be
 * 3 ms late). */
static uint32_t early_us(uint32_t allowed_us)
{
    const uint32_t share_us = allowed_us / 20u;
    return share_us > 2u * RIG_POLL_US ? share_us : 2u * RIG_POLL_US;
}

void rig_watch_look(struct rig_watch *watch)
{
    const uint64_t now_us = rig_port_now_us();

    if (watch->rf_on) {
        const uint32_t allowed_us = 1000u * (uint32_t)watch->limits.watchdog_ms; /* 65.5 s at most */
        if (now_us - watch->fed_us + early_us(allowed_us) >= allowed_us) {
            watch->watchdog_tripped = true;
            hold_off(watch, RIG_TRIP_WATCHDOG);
        }
    } else {
        rig_port_set_output(false, 0.0f); /* said again, should the stage's own latch have lost it */
    }
    if (watch->pump_runs && now_us - watch->fed_us >= PUMP_US) {
        rig_watch_pump_off(watch);
    }

    rig_port_read(&watch->sensors);
    rig_meter_add(&watch->meter, now_us - watch->read_us, watch->sensors.power_w, watch->sensors.voltage_v,
                  watch->sensors.current_a);
    watch->read_us = now_us;
    watch->causes = find_causes(watch, now_us);
    if (watch->causes != 0u && watch->rf_on) {
        hold_off(watch, first_of(watch->causes));
    }
}

void rig_watch_restart(struct rig_watch *watch)
{
    rig_watch_off(watch);
    rig_watch_pump_off(watch);
    rig_watch_look(watch);
    /* Judged by the limits it was latched under: the configuration is forgotten, the fault is not. */
    if ((watch->causes & bit_of(watch->trip)) == 0u) {
        watch->trip = RIG_TRIP_NONE;
    }
    watch->watchdog_tripped = false; /* its cause is gone: RF is off */
    watch->configured = false;
    memset(&watch->meter, 0, sizeof watch->meter);
}

/* The one place where RF is switched on. */
static void permit(struct rig_watch *watch, float power_w)
{
    if (watch->causes != 0u && watch->trip == RIG_TRIP_NONE) {
        watch->trip = first_of(watch->causes);
    }
    if (watch->trip != RIG_TRIP_NONE || !watch->configured) {
        rig_watch_off(watch);
        return;
    }
    set_cut(watch, false);
    watch->astray = false;
    watch->rf_on = true;
    rig_port_set_output(true, power_w);
}

void rig_watch_command(struct rig_watch *watch, bool on, float power_w, float flow_ml_min)
{
    watch->fed_us = watch->read_us;
    memset(&watch->meter, 0, sizeof watch->meter);
    if (rig_watch_has(watch, RIG_CAN_PUMP)) {
        rig_port_set_pump(flow_ml_min);
        watch->pump_runs = flow_ml_min > 0.0f;
    }
    if (on) {
        permit(watch, power_w);
    } else {
        rig_watch_off(watch);
    }
}

enum rig_trip rig_watch_shown(const struct rig_watch *watch)
{
    return watch->trip != RIG_TRIP_NONE ? watch->trip : first_of(watch->causes);
}

uint8_t rig_watch_status(const struct rig_watch *watch)
{
    const struct rig_sensors *now = &watch->sensors;
    unsigned status = now->rf_enabled ? 1u : 0u;
    if (rig_watch_has(watch, RIG_CAN_PUMP) && now->pump_turning) {
        status |= 1u << 1;
    }
    if (watch->watchdog_tripped) {
        status |= 1u << 2;
    }
    if (now->loop_closed) {
        status |= 1u << 3;
    }
    if (rig_watch_has(watch, RIG_CAN_START) && now->start_pressed) {
        status |= 1u << 4;
    }
    if (now->estop_pressed) {
        status |= 1u << 5;
    }
    if (rig_watch_has(watch, RIG_CAN_RETURN) && now->return_attached) {
        status |= 1u << 6;
    }
    if ((watch->causes & bit_of(RIG_TRIP_STAGE)) != 0u) {
        status |= 1u << 7;
    }
    return (uint8_t)status;
}
