#ifndef SCRIPTED_H
#define SCRIPTED_H

#include "../core/rig_port.h"

struct scripted {
    struct rig_sensors sensors;
    bool stuck;
    bool output_on;
    bool cut_open;
    float output_w;
    float flow_ml_min;
};

/* Exported: a test reads and writes it. */
extern struct scripted scripted;

#endif
