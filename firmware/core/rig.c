/* The rig's side of the protocol: what answers a request, in the order in which it is checked. */
#include "rig_frame.h"
#include "rig_port.h"
#include "rig_watch.h"

#include <string.h>

#define VERSION 1u
#define HEADER_BYTES 6u
#define REPLY_BIT 0x80u
/* Kinds from here on are no requests, nor is 0. */
#define FIRST_WRONG_KIND 0x7Fu
#define RF_KEY_ON 0xC3u
#define RF_KEY_OFF 0x3Cu
#define CONFIGURE_BYTES 14u
#define EXCHANGE_BYTES 14u
#define TEMPERATURE_LIMIT_MAX_C 150.0f
/* The longest reply is a SAMPLE of 8 thermocouples. */
#define REPLY_MAX (HEADER_BYTES + 46u + 4u * RIG_THERMOCOUPLES_MAX)

enum kind { HELLO = 0x01, CONFIGURE = 0x02, EXCHANGE = 0x03, RF_OFF = 0x04, BYE = 0x05, ERROR = 0xFF };

enum error {
    ERROR_VERSION = 1,
    ERROR_LINK = 2,
    ERROR_KIND_OR_LENGTH = 3,
    ERROR_NOT_CONFIGURED = 4,
    ERROR_VALUE = 5,
    ERROR_SEQUENCE = 6,
    ERROR_NOT_NOW = 7
};

struct request {
    const uint8_t *payload;
    size_t payload_bytes;
    const uint8_t *body;
    size_t body_bytes;
    uint8_t version;
    uint8_t kind;
    uint16_t link;
    uint16_t seq;
};

struct reply {
    uint8_t payload[REPLY_MAX];
    size_t payload_bytes;
};

/* All there is: one rig to a board. */
static struct {
    struct rig_watch watch;
    struct rig_decoder decoder;
    uint16_t link;       /* of the last HELLO; 0 before the first */
    bool link_in_force;  /* until BYE */
    uint16_t last_seq;
    uint8_t last_request[RIG_PAYLOAD_MAX];
    size_t last_request_bytes;
    struct reply last_reply;
    uint16_t bad_frames;
    struct reply reply; /* the one being made */
    uint8_t frame[RIG_FRAME_MAX];
} rig;

static void send(const struct reply *reply)
{
    const size_t count = rig_encode(rig.frame, reply->payload, reply->payload_bytes);
    rig_port_send(rig.frame, count);
}

static void remember(const struct request *request)
{
    rig.last_seq = request->seq;
    memcpy(rig.last_request, request->payload, request->payload_bytes);
    rig.last_request_bytes = request->payload_bytes;
    rig.last_reply = rig.reply;
}

static bool is_last(const struct request *request)
{
    return request->payload_bytes == rig.last_request_bytes &&
           memcmp(request->payload, rig.last_request, request->payload_bytes) == 0;
}

static bool is_newer(uint16_t seq)
{
    const uint16_t ahead = (uint16_t)(seq - rig.last_seq);
    return ahead >= 1u && ahead <= 32767u;
}

/* Start the reply; what it returns is where the body goes. */
static uint8_t *begin(const struct request *request, uint8_t kind)
{
    uint8_t *at = rig.reply.payload;
    at = rig_put_u8(at, VERSION);
    at = rig_put_u8(at, kind);
    at = rig_put_u16(at, request->link);
    return rig_put_u16(at, request->seq);
}

static uint8_t *begin_answer(const struct request *request)
{
    return begin(request, (uint8_t)(request->kind | REPLY_BIT));
}

static void end(const uint8_t *at)
{
    rig.reply.payload_bytes = (size_t)(at - rig.reply.payload);
}

static void make_error(const struct request *request, enum error code)
{
    rig_watch_off(&rig.watch); /* before the host can read it */
    uint8_t *at = begin(request, ERROR);
    at = rig_put_u8(at, request->kind);
    end(rig_put_u8(at, (uint8_t)code));
}

static void send_error(const struct request *request, enum error code)
{
    make_error(request, code);
    send(&rig.reply);
}

static void count_bad_frame(void)
{
    if (rig.bad_frames < UINT16_MAX) {
        rig.bad_frames++;
    }
}

static void make_hello(const struct request *request)
{
    const struct rig_identity *identity = rig.watch.identity;
    uint8_t *at = begin_answer(request);
    at = rig_put_u8(at, VERSION);
    at = rig_put_u8(at, VERSION);
    at = rig_put_u8(at, identity->thermocouples);
    at = rig_put_u8(at, 0u);
    at = rig_put_u32(at, identity->capabilities);
    at = rig_put_u32(at, identity->boot_count);
    at = rig_put_u16(at, identity->watchdog_min_ms);
    at = rig_put_u16(at, identity->watchdog_max_ms);
    at = rig_put_f32(at, identity->max_power_w);
    memcpy(at, identity->model, RIG_TEXT_BYTES);
    memcpy(at + RIG_TEXT_BYTES, identity->serial, RIG_TEXT_BYTES);
    memcpy(at + 2u * RIG_TEXT_BYTES, identity->firmware, RIG_TEXT_BYTES);
    end(at + 3u * RIG_TEXT_BYTES);
}

static void hello(const struct request *request)
{
    if (request->body_bytes != 0u) {
        send_error(request, ERROR_KIND_OR_LENGTH);
        return;
    }
    if (request->link == 0u) {
        send_error(request, ERROR_LINK);
        return;
    }
    rig_watch_restart(&rig.watch);
    rig.link = request->link;
    rig.link_in_force = true;
    rig.bad_frames = 0u;
    make_hello(request);
    remember(request);
    send(&rig.reply);
}

static void rf_off(const struct request *request)
{
    rig_watch_off(&rig.watch);
    rig_watch_look(&rig.watch);
    end(rig_put_u8(begin_answer(request), rig_watch_status(&rig.watch)));
    if (rig.link_in_force && request->link == rig.link && is_newer(request->seq)) {
        remember(request);
    }
    send(&rig.reply);
}

/* True if these limits can be put into force as they are; they are never made to fit. */
static bool can_do(const struct rig_limits *limits, uint16_t period_ms, uint8_t flags)
{
    const struct rig_identity *identity = rig.watch.identity;
    const uint32_t fitted = (1u << identity->thermocouples) - 1u;
    return period_ms >= 1u && limits->watchdog_ms >= 2u * (uint32_t)period_ms &&
           limits->watchdog_ms >= identity->watchdog_min_ms && limits->watchdog_ms <= identity->watchdog_max_ms &&
           rig_is_finite(limits->power_w) && limits->power_w > 0.0f && limits->power_w <= identity->max_power_w &&
           rig_is_finite(limits->temperature_c) && limits->temperature_c > 0.0f &&
           limits->temperature_c <= TEMPERATURE_LIMIT_MAX_C && (limits->channels & 1u) != 0u &&
           (limits->channels & ~fitted) == 0u && (flags & ~1u) == 0u &&
           (!limits->return_required || rig_watch_has(&rig.watch, RIG_CAN_RETURN));
}

static void make_configure(const struct request *request)
{
    if (request->body_bytes != CONFIGURE_BYTES) {
        make_error(request, ERROR_KIND_OR_LENGTH);
        return;
    }
    if (rig.watch.rf_on) {
        make_error(request, ERROR_NOT_NOW);
        return;
    }
    const uint8_t *body = request->body;
    const uint16_t period_ms = rig_get_u16(body + 2);
    const uint8_t flags = body[13];
    const struct rig_limits limits = {
        .watchdog_ms = rig_get_u16(body),
        .power_w = rig_get_f32(body + 4),
        .temperature_c = rig_get_f32(body + 8),
        .channels = body[12],
        .return_required = (flags & 1u) != 0u,
    };
    if (!can_do(&limits, period_ms, flags)) {
        rig.watch.configured = false;
        make_error(request, ERROR_VALUE);
        return;
    }
    rig.watch.limits = limits;
    rig.watch.configured = true;
    uint8_t *at = begin_answer(request);
    memcpy(at, body, CONFIGURE_BYTES);
    end(at + CONFIGURE_BYTES);
}

static float if_fitted(uint32_t capability, float value)
{
    return rig_watch_has(&rig.watch, capability) ? value : rig_nan();
}

static void make_sample(const struct request *request, uint32_t tick)
{
    const struct rig_watch *watch = &rig.watch;
    const struct rig_sensors *now = &watch->sensors;
    const unsigned channels = watch->identity->thermocouples;
    uint16_t tc_fault = 0u;
    for (unsigned n = 0; n < channels; n++) {
        tc_fault = (uint16_t)(tc_fault | (uint16_t)((now->tc_fault[n] & 3u) << (2u * n)));
    }

    uint8_t *at = begin_answer(request);
    at = rig_put_u32(at, tick);
    at = rig_put_u64(at, watch->read_us);
    at = rig_put_u8(at, rig_watch_status(watch));
    at = rig_put_u8(at, (uint8_t)rig_watch_shown(watch));
    at = rig_put_u16(at, rig.bad_frames);
    at = rig_put_u16(at, tc_fault);
    at = rig_put_f32(at, watch->meter.power_w);
    at = rig_put_f32(at, rig_sqrt(watch->meter.voltage_sq));
    at = rig_put_f32(at, rig_sqrt(watch->meter.current_sq));
    at = rig_put_f32(at, if_fitted(RIG_CAN_PHASE, now->phase_deg));
    at = rig_put_f32(at, if_fitted(RIG_CAN_PUMP, now->flow_ml_min));
    at = rig_put_f32(at, if_fitted(RIG_CAN_COOLANT_TEMP, now->coolant_c));
    at = rig_put_f32(at, if_fitted(RIG_CAN_STAGE_TEMP, now->stage_c));
    for (unsigned n = 0; n < channels; n++) {
        const bool good = (now->tc_fault[n] & 3u) == 0u;
        at = rig_put_f32(at, good ? now->temperature_c[n] : rig_nan());
    }
    end(at);
}

static void make_exchange(const struct request *request)
{
    if (request->body_bytes != EXCHANGE_BYTES) {
        make_error(request, ERROR_KIND_OR_LENGTH);
        return;
    }
    if (!rig.watch.configured) {
        make_error(request, ERROR_NOT_CONFIGURED);
        return;
    }
    const uint8_t *body = request->body;
    const uint8_t rf_key = body[4];
    const float power_w = rig_get_f32(body + 6);
    const float flow_ml_min = rig_get_f32(body + 10);
    const bool key_known = rf_key == RF_KEY_ON || rf_key == RF_KEY_OFF;
    const bool power_taken = rig_is_finite(power_w) && power_w >= 0.0f && power_w <= rig.watch.limits.power_w;
    const bool flow_taken = rig_is_finite(flow_ml_min) && flow_ml_min >= 0.0f &&
                            (rig_watch_has(&rig.watch, RIG_CAN_PUMP) || !(flow_ml_min > 0.0f));
    if (!key_known || body[5] != 0u || !power_taken || !flow_taken) {
        make_error(request, ERROR_VALUE);
        return;
    }
    /* The sample is of the interval that ends here; the command is for the next one. */
    rig_watch_look(&rig.watch);
    make_sample(request, rig_get_u32(body));
    rig_watch_command(&rig.watch, rf_key == RF_KEY_ON, power_w, flow_ml_min);
}

static void make_bye(const struct request *request)
{
    if (request->body_bytes != 0u) {
        make_error(request, ERROR_KIND_OR_LENGTH);
        return;
    }
    rig_watch_off(&rig.watch);
    rig_watch_pump_off(&rig.watch);
    rig.watch.configured = false;
    rig.link_in_force = false; /* rig.link stays, for repeating this reply */
    end(begin_answer(request));
}

/* From check 8 on: a new request on the link in force. */
static void obey(const struct request *request)
{
    switch (request->kind) {
    case CONFIGURE:
        make_configure(request);
        break;
    case EXCHANGE:
        make_exchange(request);
        break;
    case BYE:
        make_bye(request);
        break;
    default:
        make_error(request, ERROR_KIND_OR_LENGTH);
        break;
    }
    remember(request);
    send(&rig.reply);
}

/* The first check that matches answers. */
static void handle(const struct request *request)
{
    if (request->kind == 0u || request->kind >= FIRST_WRONG_KIND) {
        count_bad_frame();
    } else if (request->version != VERSION) {
        send_error(request, ERROR_VERSION);
    } else if (request->kind == RF_OFF) {
        rf_off(request);
    } else if (request->kind == HELLO) {
        hello(request);
    } else if (!rig.link_in_force || request->link != rig.link) {
        if (rig.link != 0u && request->link == rig.link && is_last(request)) {
            send(&rig.last_reply); /* BYE again: its reply was lost */
        } else {
            send_error(request, ERROR_LINK);
        }
    } else if (request->seq == rig.last_seq) {
        if (is_last(request)) {
            send(&rig.last_reply);
        } else {
            send_error(request, ERROR_SEQUENCE);
        }
    } else if (!is_newer(request->seq)) {
        send_error(request, ERROR_SEQUENCE);
    } else {
        obey(request);
    }
}

bool rig_init(const struct rig_identity *identity)
{
    memset(&rig, 0, sizeof rig);
    rig_watch_init(&rig.watch, identity);
    return identity->thermocouples >= 1u && identity->thermocouples <= RIG_THERMOCOUPLES_MAX &&
           (identity->capabilities & ~RIG_CAN_ALL) == 0u && identity->watchdog_min_ms >= RIG_WATCHDOG_LEAST_MS &&
           identity->watchdog_min_ms <= identity->watchdog_max_ms && rig_is_finite(identity->max_power_w) &&
           identity->max_power_w > 0.0f;
}

void rig_poll(void)
{
    rig_watch_look(&rig.watch);
}

void rig_receive(const uint8_t *bytes, size_t count)
{
    for (size_t n = 0; n < count; n++) {
        const enum rig_decoded decoded = rig_decode_byte(&rig.decoder, bytes[n]);
        if (decoded == RIG_DECODED_BAD) {
            count_bad_frame();
        } else if (decoded == RIG_DECODED_PAYLOAD) {
            const uint8_t *payload = rig.decoder.data;
            const struct request request = {
                .payload = payload,
                .payload_bytes = rig.decoder.payload_bytes,
                .body = payload + HEADER_BYTES,
                .body_bytes = rig.decoder.payload_bytes - HEADER_BYTES,
                .version = payload[0],
                .kind = payload[1],
                .link = rig_get_u16(payload + 2),
                .seq = rig_get_u16(payload + 4),
            };
            handle(&request);
        }
    }
}
