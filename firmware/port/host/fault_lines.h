/* Faults of the dummy load, one line of text each: for the command line and for standard input. */
#ifndef FAULT_LINES_H
#define FAULT_LINES_H

#include <stdbool.h>

/* What the lines are, for --help. */
extern const char fault_lines_help[];

/* Carry out one line ("open 1", "estop on"). False, and nothing changed, if it is none of them. */
bool fault_line(const char *line);

#endif
