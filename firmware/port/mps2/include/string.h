/* The three functions of the C library that the core uses; this port brings its own (memory.c), so that a bare
 * cross compiler is enough. */
#ifndef STRING_H
#define STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memset(void *to, int value, size_t count);
int memcmp(const void *a, const void *b, size_t count);

#endif
