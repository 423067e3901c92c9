/* What a board must provide, and nothing else: six functions of its own, and three calls into the rig.
 *
 * Rules for every function a port provides
 * - It returns within a bounded time of well under RIG_POLL_US. None may wait for the line.
 * - The rig's calls (rig_init, rig_poll, rig_receive) never overlap: where the timer interrupt may
 *   fall into rig_receive, the port masks that interrupt around it (see port/mps2).
 */
#ifndef RIG_PORT_H
#define RIG_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RIG_THERMOCOUPLES_MAX 8u
#define RIG_TEXT_BYTES 16u

/* The longest time between two calls of rig_poll, microseconds. The watchdog relies on it: RF goes off two of these, or
 * a twentieth of its time if that is more, before the time is up, so that a poll may be late and RF is off in time. */
#define RIG_POLL_US 1000u
/* The shortest watchdog an identity may offer: below it there would be no time left to wait. */
#define RIG_WATCHDOG_LEAST_MS 4u

/* Capability bits, as HELLO reports them. */
#define RIG_CAN_PUMP (1u << 0)          /* coolant pump with flow measurement */
#define RIG_CAN_PHASE (1u << 1)         /* load phase */
#define RIG_CAN_RETURN (1u << 2)        /* return-electrode monitor */
#define RIG_CAN_START (1u << 3)         /* start switch */
#define RIG_CAN_SENTINEL (1u << 4)      /* the last thermocouple is a sentinel */
#define RIG_CAN_SIMULATION (1u << 5)    /* nothing behind the meters but arithmetic */
#define RIG_CAN_STAGE_TEMP (1u << 6)    /* output-stage temperature */
#define RIG_CAN_COOLANT_TEMP (1u << 7)  /* coolant temperature */
#define RIG_CAN_SECOND_CUT (1u << 8)    /* second, independent cut of RF */
#define RIG_CAN_ALL ((1u << 9) - 1u)

/* What the rig is. Fixed from rig_init on; only boot_count may still be filled in before the first byte
 * is handed to rig_receive. */
struct rig_identity {
    uint8_t thermocouples;  /* 1..8; channel 0 is the control thermocouple */
    uint32_t capabilities;  /* RIG_CAN_... */
    uint32_t boot_count;    /* another one at every boot */
    uint16_t watchdog_min_ms; /* what CONFIGURE may ask for */
    uint16_t watchdog_max_ms;
    float max_power_w;      /* of the output stage; finite, above 0 */
    char model[RIG_TEXT_BYTES]; /* UTF-8, zero-padded, no terminator needed */
    char serial[RIG_TEXT_BYTES];
    char firmware[RIG_TEXT_BYTES];
};

/* One reading of everything. A field whose capability the rig does not claim is not looked at. */
struct rig_sensors {
    float power_w;   /* mean of v x i since the previous reading */
    float voltage_v; /* RMS since the previous reading */
    float current_a; /* RMS since the previous reading */
    float phase_deg;
    float flow_ml_min;
    float coolant_c;
    float stage_c;
    float temperature_c[RIG_THERMOCOUPLES_MAX];
    uint8_t tc_fault[RIG_THERMOCOUPLES_MAX]; /* 0 good, 1 open, 2 short to ground, 3 short to supply */
    bool rf_enabled;      /* read back from the stage itself, ahead of the second cut; never the command */
    bool pump_turning;
    bool loop_closed;     /* hardware interlock loop; true on a rig without one */
    bool start_pressed;
    bool estop_pressed;   /* false on a rig without one */
    bool return_attached;
    bool stage_fault;     /* the stage's own fault line */
};

/* ---- what the port provides ---- */

/* Enable the output stage at this set-point, or disable it (power_w is then 0). Off must have taken
 * effect at the stage when the function returns; it is repeated at every poll while RF is off. */
void rig_port_set_output(bool on, float power_w);

/* Open the second cut, or close it again. Open from boot until RF is first permitted, and whenever RF is
 * present while it should be off. Called only on a rig with RIG_CAN_SECOND_CUT. */
void rig_port_set_second_cut(bool open);

/* Ask the pump for this flow, 0 to stop. Called only on a rig with RIG_CAN_PUMP. */
void rig_port_set_pump(float flow_ml_min);

/* Read every sensor now. */
void rig_port_read(struct rig_sensors *sensors);

/* Microseconds since boot, never backwards, 64 bits. */
uint64_t rig_port_now_us(void);

/* Queue these bytes (at most 252) for the line and return at once; without room for all of them, drop
 * all of them: the host asks again. */
void rig_port_send(const uint8_t *bytes, size_t count);

/* ---- what the port calls ---- */

/* At boot, before anything else: RF off, pump off, no link. False if the identity breaks the rules above;
 * the port must then not go on. The identity must outlive the rig. */
bool rig_init(const struct rig_identity *identity);

/* From a timer, at least every RIG_POLL_US, whether or not anything was received. */
void rig_poll(void);

/* Bytes off the line, in order, in pieces of any size. */
void rig_receive(const uint8_t *bytes, size_t count);

#endif
