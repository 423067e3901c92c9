/* Means over an interval: real power, RMS voltage, RMS current. */
#ifndef RIG_METER_H
#define RIG_METER_H

#include <stdint.h>

/* All zero is the start of an interval. */
struct rig_meter {
    uint64_t elapsed_us;
    float power_w;      /* mean so far */
    float voltage_sq;   /* mean square so far */
    float current_sq;
};

/* Take in a reading that stands for the last dt_us. One of no duration counts only while there is no other. */
void rig_meter_add(struct rig_meter *meter, uint64_t dt_us, float power_w, float voltage_v, float current_a);

/* Square root to within one unit in the last place (no libm); NaN for a negative or a NaN. */
float rig_sqrt(float value);

#endif
