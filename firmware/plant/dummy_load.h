/* A simulated output stage with a resistor on a small block of aluminium behind it, and thermocouples in the block:
 * enough to run the rig with no analogue hardware. It provides four of a port's six functions
 * (rig_port_set_output, rig_port_set_second_cut, rig_port_set_pump, rig_port_read); a board with a real stage
 * leaves this file out and writes them itself.
 *
 * It runs in the port's own time (rig_port_now_us) whenever it is read or told something.
 */
#ifndef DUMMY_LOAD_H
#define DUMMY_LOAD_H

#include "../core/rig_port.h"

#define DUMMY_MAX_POWER_W 20.0f

/* What is wrong with it; all zero is nothing. May be changed at any time between two calls into the rig. */
struct dummy_faults {
    uint8_t tc_fault[RIG_THERMOCOUPLES_MAX]; /* 0 good, 1 open, 2 short to ground, 3 short to supply */
    float offset_c[RIG_THERMOCOUPLES_MAX];   /* added to the reading */
    bool loop_open;
    bool estop_pressed;
    bool return_lost;
    bool start_pressed;
    bool stage_fault; /* the stage's fault line */
    bool stage_dead;  /* does not switch on */
    bool stuck_on;    /* delivers, and reads back on, whatever it is told */
    bool leaks;       /* delivers though it reads back off */
    bool no_power_reading; /* the power meter gives no number */
};

/* The truth, which no sensor of a real rig would tell. */
struct dummy_truth {
    float delivered_w;
    float block_c;
    float asked_flow_ml_min;
    bool enabled;         /* what the stage was last told */
    bool second_cut_open;
    uint64_t changed_us;  /* when the stage was last switched */
};

extern struct dummy_faults dummy_faults;

/* Cold, off, faultless. Call before rig_init. `seed` fixes the readings' noise. */
void dummy_init(uint8_t thermocouples, uint32_t seed);

struct dummy_truth dummy_truth(void);

#endif
