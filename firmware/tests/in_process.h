/* A port without a line or a clock, for a program that loads the rig as a library and gives it both. The plant is
 * linked in beside it: the dummy load, or scripted.c. */
#ifndef IN_PROCESS_H
#define IN_PROCESS_H

#include "../core/rig_port.h"

/* Power on: false if such a rig cannot be. The clock stands at now_us. */
bool in_process_boot(const struct rig_identity *identity, uint64_t now_us);

/* The timer's interrupt. */
void in_process_poll(uint64_t now_us);

/* Bytes from the host. What the rig sent since the last call is in `sent` (room for 64 frames); its length. */
size_t in_process_receive(uint64_t now_us, const uint8_t *bytes, size_t count, uint8_t *sent);

#endif
