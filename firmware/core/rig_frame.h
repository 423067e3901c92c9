/* Frames and numbers of the bench-rig protocol, version 1.
 *
 * A frame on the wire is COBS(payload + CRC-32) followed by one 00. All numbers are little-endian.
 * Nothing here knows what a payload means.
 */
#ifndef RIG_FRAME_H
#define RIG_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RIG_PAYLOAD_MIN 6u
#define RIG_PAYLOAD_MAX 246u
#define RIG_CRC_BYTES 4u
#define RIG_RAW_MAX (RIG_PAYLOAD_MAX + RIG_CRC_BYTES)
/* Payload and CRC, one byte of COBS overhead, the 00. */
#define RIG_FRAME_MAX (RIG_RAW_MAX + 2u)

enum rig_decoded {
    RIG_DECODED_NOTHING, /* the frame goes on, or it was an empty one */
    RIG_DECODED_PAYLOAD, /* a whole valid frame: data[0 .. payload_bytes) */
    RIG_DECODED_BAD      /* something ended that was not a whole valid frame */
};

/* One receiver. All zero is its state at the start of a frame. */
struct rig_decoder {
    uint8_t data[RIG_RAW_MAX];
    size_t payload_bytes; /* set with RIG_DECODED_PAYLOAD, good until the next byte */
    size_t encoded;       /* bytes of this frame so far, the 00 not counted */
    uint32_t crc;
    uint8_t block_left; /* bytes still to come in the present COBS block */
    bool too_long;
};

/* Take one byte off the line. Constant time, whatever the byte. */
enum rig_decoded rig_decode_byte(struct rig_decoder *decoder, uint8_t byte);

/* Make the frame of a payload of 6 to 246 bytes; returns its length, 0 if the payload has no legal length. */
size_t rig_encode(uint8_t frame[RIG_FRAME_MAX], const uint8_t *payload, size_t payload_bytes);

/* CRC-32/ISO-HDLC of a buffer. */
uint32_t rig_crc32(const uint8_t *data, size_t count);

uint16_t rig_get_u16(const uint8_t *at);
uint32_t rig_get_u32(const uint8_t *at);
/* -0.0 arrives as 0. */
float rig_get_f32(const uint8_t *at);

/* Each writes its number and returns the place after it. */
uint8_t *rig_put_u8(uint8_t *at, uint8_t value);
uint8_t *rig_put_u16(uint8_t *at, uint16_t value);
uint8_t *rig_put_u32(uint8_t *at, uint32_t value);
uint8_t *rig_put_u64(uint8_t *at, uint64_t value);
/* -0.0 leaves as 0, every NaN as the one quiet NaN 0x7FC00000. */
uint8_t *rig_put_f32(uint8_t *at, float value);

/* Neither infinite nor NaN; reads the bits, so no compiler option can reason it away. */
bool rig_is_finite(float value);
/* The quiet NaN that stands for "not measured". */
float rig_nan(void);

#endif
