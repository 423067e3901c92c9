/* A plant that reads what it is told to read, delivers what it is asked for at once, and can stick. */
#include "scripted.h"

#include <string.h>

struct scripted scripted;

void rig_port_set_output(bool on, float power_w)
{
    scripted.output_on = on;
    scripted.output_w = power_w;
}

void rig_port_set_second_cut(bool open)
{
    scripted.cut_open = open;
}

void rig_port_set_pump(float flow_ml_min)
{
    scripted.flow_ml_min = flow_ml_min;
}

void rig_port_read(struct rig_sensors *sensors)
{
    *sensors = scripted.sensors;
    sensors->rf_enabled = scripted.output_on || scripted.stuck;
    sensors->power_w = scripted.output_on ? scripted.output_w : scripted.stuck ? 2.0f : 0.0f;
    sensors->flow_ml_min = scripted.flow_ml_min;
    sensors->pump_turning = scripted.flow_ml_min > 0.0f;
}
