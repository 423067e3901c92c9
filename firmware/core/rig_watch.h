/* What the rig watches by itself, whatever the host says: the output, the trips, the watchdog, the pump's time, the
 * meters. It knows nothing of frames, links or sequences; rig.c does.
 *
 * RF goes on in one place (rig_watch_permit) and off in many.
 */
#ifndef RIG_WATCH_H
#define RIG_WATCH_H

#include "rig_meter.h"
#include "rig_port.h"

/* rig_trip: why the rig itself holds RF off. */
enum rig_trip {
    RIG_TRIP_NONE = 0,
    RIG_TRIP_WATCHDOG = 1,
    RIG_TRIP_TEMPERATURE = 2,
    RIG_TRIP_THERMOCOUPLE = 3,
    RIG_TRIP_LOOP = 4,
    RIG_TRIP_ESTOP = 5,
    RIG_TRIP_STAGE = 6,
    RIG_TRIP_RETURN = 7
};

/* What CONFIGURE put into force. */
struct rig_limits {
    uint16_t watchdog_ms;
    float power_w;
    float temperature_c; /* any channel in use above it trips */
    uint8_t channels;    /* in use, bit n for channel n */
    bool return_required;
};

struct rig_watch {
    const struct rig_identity *identity;
    struct rig_limits limits; /* the last ones in force: a latched trip is judged by them until there are others */
    bool configured;
    struct rig_sensors sensors; /* the last reading */
    struct rig_meter meter;     /* since the last SAMPLE or HELLO */
    uint64_t read_us;           /* when the last reading was taken */
    bool rf_on;                 /* by command, and not held off */
    uint64_t fed_us;            /* the last EXCHANGE answered with a new SAMPLE */
    bool pump_runs;
    enum rig_trip trip;         /* latched */
    bool watchdog_tripped;
    uint8_t causes;             /* present at the last reading: bit n for trip n */
    bool astray;                /* RF is present while it should be off, */
    uint64_t astray_us;         /* since then */
    bool cut_open;
    bool condemned;             /* RF came through with the stage reading back off, until the cut was opened */
};

/* RF off, pump off, second cut open, nothing configured. */
void rig_watch_init(struct rig_watch *watch, const struct rig_identity *identity);

/* The timer's share: watchdog, pump, a reading and what follows from it. Also called when a request needs
 * fresh readings. Reads the clock once. */
void rig_watch_look(struct rig_watch *watch);

/* RF off now, as often as you like. */
void rig_watch_off(struct rig_watch *watch);

/* Pump off now. */
void rig_watch_pump_off(struct rig_watch *watch);

/* HELLO: RF and pump off, configuration forgotten, a latched trip cleared if its cause is gone, a new interval. */
void rig_watch_restart(struct rig_watch *watch);

/* An EXCHANGE was accepted (values checked, reading taken): carry its command out and feed the watchdog. */
void rig_watch_command(struct rig_watch *watch, bool on, float power_w, float flow_ml_min);

/* What rig_trip shows: the latched trip, else the first cause present, else none. */
enum rig_trip rig_watch_shown(const struct rig_watch *watch);

/* The status byte of SAMPLE and RF_OFF, as of the last reading. */
uint8_t rig_watch_status(const struct rig_watch *watch);

bool rig_watch_has(const struct rig_watch *watch, uint32_t capability);

#endif
