/* The rig on this machine: a process that is a bench rig on a pseudo-terminal, with the dummy load behind it.
 *
 * One thread sleeps until the next byte or the next poll. It is as punctual as the operating system lets it be;
 * what a rig must guarantee is guaranteed on a microcontroller (port/mps2), not here.
 */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE

#include "../../core/rig_frame.h"
#include "../../plant/dummy_load.h"
#include "fault_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define EXIT_INPUT 2
#define EXIT_LINE 3
#define POLL_US 800u /* under RIG_POLL_US by what a waking process is usually late */
#define LINE_BYTES 128u

static struct rig_identity identity = {
    .thermocouples = 2,
    .capabilities = RIG_CAN_SIMULATION | RIG_CAN_PHASE | RIG_CAN_STAGE_TEMP | RIG_CAN_SECOND_CUT,
    .watchdog_min_ms = 10,
    .watchdog_max_ms = 2000,
    .max_power_w = DUMMY_MAX_POWER_W,
    .model = "dummy load",
    .serial = "host",
    .firmware = "1",
};

static uint64_t boot_ns;
static int line_fd = -1;
static uint8_t unsent[RIG_FRAME_MAX];
static size_t unsent_bytes;
static volatile sig_atomic_t stop_asked;

static uint64_t monotonic_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t rig_port_now_us(void)
{
    return (monotonic_ns() - boot_ns) / 1000u;
}

static void flush(void)
{
    const ssize_t sent = write(line_fd, unsent, unsent_bytes);
    if (sent > 0) {
        unsent_bytes -= (size_t)sent;
        memmove(unsent, unsent + sent, unsent_bytes);
    }
}

void rig_port_send(const uint8_t *bytes, size_t count)
{
    if (unsent_bytes == 0u && count <= sizeof unsent) {
        memcpy(unsent, bytes, count);
        unsent_bytes = count;
        flush();
    }
}

static void on_signal(int number)
{
    (void)number;
    stop_asked = 1;
}

static int fail(int code, const char *what, const char *about)
{
    (void)fprintf(stderr, "rig: %s: %s\n", about, what);
    return code;
}

static void boot(uint32_t boot_count, uint32_t seed)
{
    const struct dummy_faults faults = dummy_faults;
    boot_ns = monotonic_ns();
    dummy_init(identity.thermocouples, seed);
    dummy_faults = faults;
    identity.boot_count = boot_count;
    unsent_bytes = 0u;
    if (!rig_init(&identity)) {
        exit(fail(EXIT_INPUT, "this rig cannot be one: see --help", "identity"));
    }
}

static void print_state(void)
{
    const struct dummy_truth truth = dummy_truth();
    (void)printf("now_us=%llu enabled=%d changed_us=%llu delivered_w=%.3f second_cut_open=%d block_c=%.3f "
                 "asked_flow_ml_min=%.3f\n",
                 (unsigned long long)rig_port_now_us(), truth.enabled, (unsigned long long)truth.changed_us,
                 (double)truth.delivered_w, truth.second_cut_open, (double)truth.block_c,
                 (double)truth.asked_flow_ml_min);
}

static void take_line(const char *line, uint32_t seed)
{
    if (strcmp(line, "state") == 0) {
        print_state();
    } else if (strcmp(line, "reboot") == 0) {
        boot(identity.boot_count + 1u, seed);
        (void)puts("ok");
    } else if (strcmp(line, "quit") == 0) {
        stop_asked = 1;
    } else if (fault_line(line)) {
        (void)puts("ok");
    } else {
        (void)printf("not understood: %s\n", line);
    }
    (void)fflush(stdout);
}

/* What has come on standard input, line by line; false at its end. */
static bool take_input(uint32_t seed)
{
    static char line[LINE_BYTES];
    static size_t length;
    char bytes[LINE_BYTES];
    const ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes);
    if (count <= 0) {
        return count < 0 && (errno == EINTR || errno == EAGAIN);
    }
    for (ssize_t n = 0; n < count; n++) {
        if (bytes[n] == '\n') {
            line[length] = '\0';
            length = 0u;
            take_line(line, seed);
        } else if (length < sizeof line - 1u) {
            line[length++] = bytes[n];
        }
    }
    return true;
}

/* Ahead of whatever else this machine does, where that is allowed: a rig on a board has no such neighbours. */
static void ask_for_priority(void)
{
    const struct sched_param ahead = {.sched_priority = 20};
    (void)sched_setscheduler(0, SCHED_FIFO, &ahead);
}

static void run(uint32_t seed)
{
    sigset_t normal;
    (void)sigprocmask(SIG_SETMASK, NULL, &normal);
    (void)sigdelset(&normal, SIGINT);
    (void)sigdelset(&normal, SIGTERM);
    bool listen = true;
    uint64_t next_ns = monotonic_ns();
    while (!stop_asked) {
        const uint64_t now_ns = monotonic_ns();
        if (now_ns >= next_ns) {
            rig_poll();
            next_ns = now_ns + POLL_US * 1000u;
            continue;
        }
        fd_set readable;
        fd_set writable;
        FD_ZERO(&readable);
        FD_ZERO(&writable);
        FD_SET(line_fd, &readable);
        if (listen) {
            FD_SET(STDIN_FILENO, &readable);
        }
        if (unsent_bytes != 0u) {
            FD_SET(line_fd, &writable);
        }
        const struct timespec wait = {.tv_nsec = (long)(next_ns - now_ns)};
        if (pselect(line_fd + 1, &readable, &writable, NULL, &wait, &normal) <= 0) {
            continue;
        }
        if (FD_ISSET(line_fd, &writable)) {
            flush();
        }
        if (FD_ISSET(line_fd, &readable)) {
            uint8_t bytes[256];
            const ssize_t count = read(line_fd, bytes, sizeof bytes);
            if (count > 0) {
                rig_receive(bytes, (size_t)count);
            }
        }
        if (listen && FD_ISSET(STDIN_FILENO, &readable)) {
            listen = take_input(seed);
        }
    }
    rig_port_set_output(false, 0.0f);
    rig_port_set_pump(0.0f);
}

/* A raw pseudo-terminal. The other end stays open here too: then a host may come and go. */
static const char *open_line(void)
{
    line_fd = posix_openpt(O_RDWR | O_NOCTTY);
    if (line_fd < 0 || grantpt(line_fd) != 0 || unlockpt(line_fd) != 0) {
        return NULL;
    }
    const char *name = ptsname(line_fd);
    const int other_end = name != NULL ? open(name, O_RDWR | O_NOCTTY) : -1;
    struct termios mode;
    if (other_end < 0 || tcgetattr(other_end, &mode) != 0) {
        return NULL;
    }
    cfmakeraw(&mode);
    const int flags = fcntl(line_fd, F_GETFL);
    if (tcsetattr(other_end, TCSANOW, &mode) != 0 || flags < 0 || fcntl(line_fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        return NULL;
    }
    return name;
}

static bool make_link(const char *target, const char *path)
{
    struct stat there;
    if (lstat(path, &there) == 0 && (!S_ISLNK(there.st_mode) || unlink(path) != 0)) {
        errno = EEXIST;
        return false;
    }
    return symlink(target, path) == 0;
}

static bool number(const char *text, unsigned long most, unsigned long *value)
{
    char *end = NULL;
    errno = 0;
    *value = strtoul(text, &end, 0);
    return errno == 0 && text[0] != '-' && end != text && *end == '\0' && *value <= most;
}

static void help(void)
{
    (void)printf("rig [--link PATH] [--thermocouples 1..8] [--capabilities BITS] [--seed N] [--fault LINE]...\n"
                 "A SIMULATED bench rig with a dummy load, on a pseudo-terminal whose name it prints.\n"
                 "Faults, here or as lines on standard input:\n%s"
                 "On standard input also: state, reboot, quit\n",
                 fault_lines_help);
}

int main(int argc, char **argv)
{
    const char *link_path = NULL;
    unsigned long seed = 1u;
    for (int n = 1; n < argc; n += 2) {
        const char *option = argv[n];
        const char *value = argv[n + 1];
        unsigned long given = 0u;
        if (strcmp(option, "--help") == 0) {
            help();
            return 0;
        }
        if (value == NULL) {
            return fail(EXIT_INPUT, "needs a value, or is no option: see --help", option);
        }
        if (strcmp(option, "--link") == 0) {
            link_path = value;
        } else if (strcmp(option, "--thermocouples") == 0) {
            if (!number(value, RIG_THERMOCOUPLES_MAX, &given) || given == 0u) {
                return fail(EXIT_INPUT, "--thermocouples takes 1 to 8", value);
            }
            identity.thermocouples = (uint8_t)given;
        } else if (strcmp(option, "--capabilities") == 0) {
            if (!number(value, RIG_CAN_ALL, &given)) {
                return fail(EXIT_INPUT, "--capabilities takes 0 to 0x1FF, as HELLO reports them", value);
            }
            identity.capabilities = (uint32_t)given | RIG_CAN_SIMULATION; /* it never passes for a real one */
        } else if (strcmp(option, "--seed") == 0) {
            if (!number(value, UINT32_MAX, &seed)) {
                return fail(EXIT_INPUT, "--seed takes 0 to 4294967295", value);
            }
        } else if (strcmp(option, "--fault") == 0) {
            if (!fault_line(value)) {
                return fail(EXIT_INPUT, "no such fault: see --help", value);
            }
        } else {
            return fail(EXIT_INPUT, "no such option: see --help", option);
        }
    }

    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL); /* they come while it sleeps, and at no other time */
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);

    const char *name = open_line();
    if (name == NULL) {
        return fail(EXIT_LINE, strerror(errno), "no pseudo-terminal");
    }
    if (link_path != NULL && !make_link(name, link_path)) {
        return fail(EXIT_INPUT, strerror(errno), link_path);
    }
    struct timespec started;
    (void)clock_gettime(CLOCK_REALTIME, &started);
    /* Another number at every start, as a board's counter in flash would be. */
    boot((uint32_t)started.tv_sec * 1000u + (uint32_t)(started.tv_nsec / 1000000), (uint32_t)seed);
    (void)printf("rig on %s\n", link_path != NULL ? link_path : name);
    (void)fflush(stdout);
    ask_for_priority();
    run((uint32_t)seed);
    if (link_path != NULL) {
        (void)unlink(link_path);
    }
    return 0;
}
