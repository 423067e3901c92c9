/* A port for tests: a clock that is moved by hand, sensors that read what a test says, an output that is looked at.
 * It holds every test to two promises by itself: an ERROR is sent with RF off, and RF off is never undone but by
 * an EXCHANGE. */
#ifndef BENCH_H
#define BENCH_H

#include "../core/rig_frame.h"
#include "../core/rig_port.h"

struct bench {
    struct rig_identity identity;
    struct rig_sensors sensors; /* what is read; rf_enabled follows the output unless `stuck` */
    bool stuck;                 /* reads back on whatever it was told */
    bool output_on;
    float output_w;
    bool cut_open;
    float flow_ml_min;
    uint64_t now_us;
    uint64_t off_us;            /* when the output last went from on to off */
    uint32_t turned_on;         /* how often the output went from off to on */
    uint32_t replies;           /* frames sent since boot */
    uint8_t reply[RIG_PAYLOAD_MAX];
    size_t reply_bytes;         /* of the last reply's payload */
    uint16_t seq;               /* of the last request made by bench_next */
};

extern struct bench bench;

/* Everything fitted, 3 thermocouples at 25 degC, all well; then rig_init. */
void bench_boot(void);

/* Let time pass, polling the rig as its timer would. */
void bench_wait_us(uint64_t us);

/* Frame a payload and hand it to the rig; the number of replies that came. */
uint32_t bench_send(const uint8_t *payload, size_t count);

/* A request with everything given, and the number of replies. */
uint32_t bench_request(uint8_t kind, uint16_t link, uint16_t seq, const uint8_t *body, size_t count);

/* A new request on BENCH_LINK, with the next sequence number. */
uint32_t bench_next(uint8_t kind, const uint8_t *body, size_t count);

#define BENCH_LINK 0x1234u
#define KEY_ON 0xC3u
#define KEY_OFF 0x3Cu

uint32_t bench_configure(uint16_t watchdog_ms, float limit_c, uint8_t channels, uint8_t flags);
uint32_t bench_exchange(uint8_t key, float power_w, float flow_ml_min);
/* HELLO and CONFIGURE: watchdog 200 ms, period 20 ms, 10 W, 90 degC, channels 0 and 1. */
void bench_connect(void);
/* ... and an EXCHANGE with the on key, 5 W. */
void bench_radiate(void);

/* Of the last reply. */
uint8_t bench_kind(void);
uint8_t bench_error(void); /* its code; 0 if it is no ERROR */
uint8_t bench_trip(void);  /* of a SAMPLE, as the next three */
uint8_t bench_status(void);
uint16_t bench_bad_frames(void);
float bench_float(size_t at); /* the float at this byte of the body */

/* What failed so far. */
extern int bench_failures;
void bench_failed(const char *file, int line, const char *what);
#define CHECK(what) ((what) ? (void)0 : bench_failed(__FILE__, __LINE__, #what))

#endif
