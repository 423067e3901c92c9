/* From reset to board_run: vectors, initialised data, cleared memory. */
#include "board.h"

#include <stdint.h>

extern uint32_t stack_top[];
extern uint32_t data_load[];
extern uint32_t data_start[];
extern uint32_t data_end[];
extern uint32_t bss_start[];
extern uint32_t bss_end[];

void reset_handler(void);

void reset_handler(void)
{
    const uint32_t *from = data_load;
    /* The linker's script puts each pair into one section. */
    /* cppcheck-suppress comparePointers */
    for (uint32_t *to = data_start; to < data_end; to++) {
        *to = *from++;
    }
    /* cppcheck-suppress comparePointers */
    for (uint32_t *to = bss_start; to < bss_end; to++) {
        *to = 0u;
    }
    board_run();
}

typedef void (*vector)(void);

struct vectors { /* read by the core alone */
    uint32_t *stack;       /* cppcheck-suppress unusedStructMember */
    vector exceptions[15]; /* cppcheck-suppress unusedStructMember */
    vector interrupts[2];  /* cppcheck-suppress unusedStructMember */
};

/* Any exception that is not expected ends in board_halt. */
__attribute__((section(".vectors"), used)) static const struct vectors vectors = {
    .stack = stack_top,
    .exceptions =
        {
            reset_handler, board_halt, board_halt, board_halt, board_halt, /* reset, NMI, hard, memory, bus fault */
            board_halt,    0,          0,          0,          0,          /* usage fault; reserved */
            board_halt,    board_halt, 0,          board_halt, board_tick, /* SVC, debug, -, PendSV, SysTick */
        },
    .interrupts = {board_received, board_sent}, /* UART 0: 0 receive, 1 transmit */
};
