#include "rig_meter.h"

#include "rig_frame.h"

#include <string.h>

/* A running mean in place of a sum: it neither overflows nor loses its grip over hours, and a constant
 * input comes out as exactly that constant. */
static float towards(float mean, float value, float weight)
{
    return mean + (value - mean) * weight;
}

void rig_meter_add(struct rig_meter *meter, uint64_t dt_us, float power_w, float voltage_v, float current_a)
{
    float weight = 1.0f;
    if (meter->elapsed_us != 0u) {
        weight = (float)dt_us / (float)(meter->elapsed_us + dt_us);
    }
    if (weight < 1.0f) {
        meter->power_w = towards(meter->power_w, power_w, weight);
        meter->voltage_sq = towards(meter->voltage_sq, voltage_v * voltage_v, weight);
        meter->current_sq = towards(meter->current_sq, current_a * current_a, weight);
    } else {
        meter->power_w = power_w;
        meter->voltage_sq = voltage_v * voltage_v;
        meter->current_sq = current_a * current_a;
    }
    meter->elapsed_us += dt_us;
}

float rig_sqrt(float value)
{
    if (!(value >= 0.0f)) {
        return rig_nan();
    }
    if (value < 1.0e-30f) {
        return 0.0f; /* a femtovolt: below any meter, and Newton's step would divide by almost nothing */
    }
    if (!rig_is_finite(value)) {
        return value;
    }
    /* Halving the exponent bits is within 4 %; each Newton step doubles the digits. */
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = (bits >> 1) + 0x1FBC0000u;
    float root;
    memcpy(&root, &bits, sizeof root);
    for (int step = 0; step < 4; step++) {
        root = 0.5f * (root + value / root);
    }
    return root;
}
