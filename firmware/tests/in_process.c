#include "in_process.h"

#include "../core/rig_frame.h"

#include <string.h>

static uint64_t clock_us;
static struct rig_identity kept;
static uint8_t queue[64u * RIG_FRAME_MAX];
static size_t queued;

uint64_t rig_port_now_us(void)
{
    return clock_us;
}

void rig_port_send(const uint8_t *bytes, size_t count)
{
    if (queued + count <= sizeof queue) {
        memcpy(queue + queued, bytes, count);
        queued += count;
    }
}

bool in_process_boot(const struct rig_identity *identity, uint64_t now_us)
{
    clock_us = now_us;
    queued = 0u;
    kept = *identity;
    return rig_init(&kept);
}

void in_process_poll(uint64_t now_us)
{
    clock_us = now_us;
    rig_poll();
}

size_t in_process_receive(uint64_t now_us, const uint8_t *bytes, size_t count, uint8_t *sent)
{
    clock_us = now_us;
    rig_receive(bytes, count);
    const size_t length = queued;
    memcpy(sent, queue, length);
    queued = 0u;
    return length;
}
