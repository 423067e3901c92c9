/* What startup.c and board.c know of each other. */
#ifndef BOARD_H
#define BOARD_H

/* Interrupts. */
void board_tick(void);
void board_received(void);
void board_sent(void);

/* Never returns. */
void board_run(void);

/* Something that cannot happen has: stage off, and nothing more. Never returns. */
void board_halt(void);

#endif
