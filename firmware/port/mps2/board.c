/* The rig on an Arm MPS2 board with the AN385 image (Cortex-M3, 25 MHz), or on QEMU's mps2-an385.
 *
 * Interrupts, the most urgent first: UART receive (a byte into a ring), UART transmit (a byte out of one), SysTick at
 * 1 kHz (rig_poll). The main loop hands received bytes to the rig one by one with SysTick masked; a main
 * loop that hangs therefore stops replies, never the watchdog.
 *
 * Registers: Arm DAI0385 (AN385), Arm DDI0479 (CMSDK UART), Armv7-M architecture (SysTick, NVIC).
 */
#include "board.h"

#include "../../core/rig_port.h"
#include "../../plant/dummy_load.h"

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

#define UART_DATA REGISTER(0x40004000u)
#define UART_STATE REGISTER(0x40004004u)
#define UART_CTRL REGISTER(0x40004008u)
#define UART_INTERRUPT REGISTER(0x4000400Cu)
#define UART_BAUDDIV REGISTER(0x40004010u)
#define UART_STATE_TX_FULL 1u
#define UART_STATE_RX_FULL 2u
#define UART_CTRL_ON 0xFu /* transmitter, receiver, the interrupt of each */
#define UART_TX 1u
#define UART_RX 2u

/* FPGA I/O: a counter of the 25 MHz clock, up, 32 bits. Time is taken from it and not from counted SysTicks, of
 * which a stalled emulator can lose some. */
#define CYCLES REGISTER(0x40028018u)

#define SYSTICK_CTRL REGISTER(0xE000E010u)
#define SYSTICK_LOAD REGISTER(0xE000E014u)
#define SYSTICK_VALUE REGISTER(0xE000E018u)
#define NVIC_ENABLE REGISTER(0xE000E100u)
#define NVIC_PRIORITY REGISTER(0xE000E400u)
#define SYSTEM_PRIORITY_3 REGISTER(0xE000ED20u) /* SysTick in the top byte */

#define CLOCK_HZ 25000000u
#define CYCLES_PER_US (CLOCK_HZ / 1000000u)
#define BAUD 921600u
/* The higher the number, the less urgent; the top three bits count (QEMU's and many M3s'). */
#define TICK_PRIORITY 0x80u
#define TRANSMIT_PRIORITY 0x40u

#define RING 1024u /* a power of two: four of the longest frames */

struct ring {
    uint8_t bytes[RING];
    volatile uint32_t in; /* written by one side, */
    volatile uint32_t out; /* read by the other; they count on and on */
};

static struct ring received;
static struct ring to_send;
static uint32_t last_cycles;
static uint32_t odd_cycles;
static uint64_t time_us;
extern volatile uint32_t boot_note;

static struct rig_identity identity = {
    .thermocouples = 2,
    .capabilities = RIG_CAN_SIMULATION | RIG_CAN_PHASE | RIG_CAN_STAGE_TEMP | RIG_CAN_SECOND_CUT,
    .watchdog_min_ms = 10,
    .watchdog_max_ms = 2000,
    .max_power_w = DUMMY_MAX_POWER_W,
    .model = "dummy load",
    .serial = "mps2-an385",
    .firmware = "1",
};

static void set_basepri(uint32_t level)
{
    __asm volatile("msr basepri, %0" : : "r"(level) : "memory");
}

static void mask_tick(void)
{
    set_basepri(TICK_PRIORITY);
}

static void unmask_tick(void)
{
    set_basepri(0u);
}

uint64_t rig_port_now_us(void) /* called with SysTick masked or from SysTick, and at least every 171 s */
{
    const uint32_t cycles = CYCLES;
    odd_cycles += cycles - last_cycles;
    last_cycles = cycles;
    time_us += odd_cycles / CYCLES_PER_US;
    odd_cycles %= CYCLES_PER_US;
    return time_us;
}

void rig_port_send(const uint8_t *bytes, size_t count)
{
    if (count > RING - (to_send.in - to_send.out)) {
        return;
    }
    for (size_t n = 0; n < count; n++) {
        to_send.bytes[(to_send.in + n) % RING] = bytes[n];
    }
    to_send.in += count;
    /* The transmit interrupt comes when a byte has left: it has to be started by one. */
    set_basepri(TRANSMIT_PRIORITY);
    board_sent();
    mask_tick();
}

/* Also called with its interrupt masked, to send the first byte. */
void board_sent(void)
{
    UART_INTERRUPT = UART_TX;
    while (to_send.out != to_send.in && (UART_STATE & UART_STATE_TX_FULL) == 0u) {
        UART_DATA = to_send.bytes[to_send.out % RING];
        to_send.out++;
    }
}

void board_received(void)
{
    UART_INTERRUPT = UART_RX;
    while ((UART_STATE & UART_STATE_RX_FULL) != 0u) {
        const uint8_t byte = (uint8_t)UART_DATA;
        if (received.in - received.out < RING) { /* a full ring loses bytes: the frame is bad, and counted so */
            received.bytes[received.in % RING] = byte;
            received.in++;
        }
    }
}

void board_tick(void)
{
    rig_poll();
}

void board_halt(void)
{
    rig_port_set_output(false, 0.0f);
    rig_port_set_second_cut(true);
    for (;;) {
    }
}

void board_run(void)
{
    /* Another number at every boot. A board that goes to a bench keeps a count in flash or in a backed-up register;
     * this one has neither, and takes its launcher's note and what was in memory. */
    boot_note++;
    identity.boot_count = boot_note;
    last_cycles = CYCLES;
    dummy_init(identity.thermocouples, boot_note);
    if (!rig_init(&identity)) {
        board_halt();
    }

    UART_BAUDDIV = CLOCK_HZ / BAUD; /* 27: 925.9 kbaud, 0.5 % fast */
    UART_CTRL = UART_CTRL_ON;
    NVIC_PRIORITY = TRANSMIT_PRIORITY << 8; /* interrupt 0, receive, keeps 0: the most urgent */
    SYSTEM_PRIORITY_3 = TICK_PRIORITY << 24;
    NVIC_ENABLE = 3u;
    SYSTICK_LOAD = CLOCK_HZ / (1000000u / RIG_POLL_US) - 1u;
    SYSTICK_VALUE = 0u;
    SYSTICK_CTRL = 7u; /* the core's clock, interrupt, on */

    for (;;) {
        while (received.out != received.in) {
            const uint8_t byte = received.bytes[received.out % RING];
            received.out++;
            mask_tick();
            rig_receive(&byte, 1u);
            unmask_tick();
        }
        /* Looked at again with interrupts held: one that comes now still ends the wait, and is served after it. */
        __asm volatile("cpsid i" : : : "memory");
        if (received.out == received.in) {
            __asm volatile("wfi");
        }
        __asm volatile("cpsie i" : : : "memory");
    }
}
