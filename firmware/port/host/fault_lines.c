#include "fault_lines.h"

#include "../../plant/dummy_load.h"

#include <stdio.h>
#include <string.h>

const char fault_lines_help[] =
    "  open N, ground N, supply N   thermocouple N is open, shorted to ground, shorted to supply\n"
    "  good N                       thermocouple N is as it should be\n"
    "  hot N C                      thermocouple N reads C degrees too much (-1000..1000)\n"
    "  loop open|closed             hardware interlock loop\n"
    "  estop on|off                 emergency stop pressed\n"
    "  return lost|attached         return electrode\n"
    "  start on|off                 start switch pressed\n"
    "  stage on|off                 the output stage's own fault line\n"
    "  stuck on|off                 the stage delivers, and reads back on, whatever it is told\n"
    "  leak on|off                  the stage delivers though it reads back off\n"
    "  dead on|off                  the stage does not switch on\n"
    "  meter nan|good               the power meter gives no number\n";

struct pair {
    const char *name;
    const char *set;
    const char *unset;
    bool *flag;
};

static bool flag_line(const char *name, const char *value)
{
    const struct pair pairs[] = {
        {"loop", "open", "closed", &dummy_faults.loop_open},
        {"estop", "on", "off", &dummy_faults.estop_pressed},
        {"return", "lost", "attached", &dummy_faults.return_lost},
        {"start", "on", "off", &dummy_faults.start_pressed},
        {"stage", "on", "off", &dummy_faults.stage_fault},
        {"stuck", "on", "off", &dummy_faults.stuck_on},
        {"leak", "on", "off", &dummy_faults.leaks},
        {"dead", "on", "off", &dummy_faults.stage_dead},
        {"meter", "nan", "good", &dummy_faults.no_power_reading},
    };
    for (size_t n = 0; n < sizeof pairs / sizeof pairs[0]; n++) {
        if (strcmp(name, pairs[n].name) == 0) {
            const bool set = strcmp(value, pairs[n].set) == 0;
            if (!set && strcmp(value, pairs[n].unset) != 0) {
                return false;
            }
            *pairs[n].flag = set;
            return true;
        }
    }
    return false;
}

static bool channel_line(const char *name, unsigned channel)
{
    static const char *const faults[] = {"good", "open", "ground", "supply"};
    for (uint8_t n = 0; n < 4u; n++) {
        if (strcmp(name, faults[n]) == 0) {
            dummy_faults.tc_fault[channel] = n;
            return true;
        }
    }
    return false;
}

bool fault_line(const char *line)
{
    char name[8];
    char value[9];
    char rest;
    unsigned channel;
    float offset_c;
    if (sscanf(line, "hot %1u %f %c", &channel, &offset_c, &rest) == 2) {
        if (channel >= RIG_THERMOCOUPLES_MAX || !(offset_c >= -1000.0f && offset_c <= 1000.0f)) {
            return false;
        }
        dummy_faults.offset_c[channel] = offset_c;
        return true;
    }
    if (sscanf(line, "%7s %1u %c", name, &channel, &rest) == 2) {
        return channel < RIG_THERMOCOUPLES_MAX && channel_line(name, channel);
    }
    return sscanf(line, "%7s %8s %c", name, value, &rest) == 2 && flag_line(name, value);
}
