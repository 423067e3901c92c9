#include "rig_frame.h"

#include <string.h>

/* CRC-32/ISO-HDLC: polynomial 04C11DB7 reflected, start and final XOR all ones. Running it over a
 * payload and its own CRC leaves this value, before the final XOR. */
#define CRC_START 0xFFFFFFFFu
#define CRC_RESIDUE 0xDEBB20E3u

#define F32_EXPONENT 0x7F800000u
#define F32_MINUS_ZERO 0x80000000u
#define F32_QUIET_NAN 0x7FC00000u

/* Half a byte at a time: 64 bytes of flash in place of 1024, and still constant time. */
static const uint32_t crc_table[16] = {
    0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu, 0x76DC4190u, 0x6B6B51F4u, 0x4DB26158u, 0x5005713Cu,
    0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu, 0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu,
};

static uint32_t crc_byte(uint32_t crc, uint8_t byte)
{
    crc ^= byte;
    crc = (crc >> 4) ^ crc_table[crc & 15u];
    return (crc >> 4) ^ crc_table[crc & 15u];
}

uint32_t rig_crc32(const uint8_t *data, size_t count)
{
    uint32_t crc = CRC_START;
    for (size_t n = 0; n < count; n++) {
        crc = crc_byte(crc, data[n]);
    }
    return ~crc;
}

enum rig_decoded rig_decode_byte(struct rig_decoder *decoder, uint8_t byte)
{
    if (byte != 0u) {
        if (decoder->encoded > RIG_RAW_MAX) {
            decoder->too_long = true;
            return RIG_DECODED_NOTHING;
        }
        if (decoder->encoded == 0u) {
            decoder->block_left = (uint8_t)(byte - 1u);
            decoder->crc = CRC_START;
        } else {
            /* Every byte after the first stands for exactly one decoded byte: a data byte for itself,
             * the code byte of the next block for the zero between the blocks. (The block without a
             * zero after it, code FF, is longer than the longest frame and never completes.) */
            uint8_t decoded = byte;
            if (decoder->block_left == 0u) {
                decoder->block_left = (uint8_t)(byte - 1u);
                decoded = 0u;
            } else {
                decoder->block_left--;
            }
            decoder->data[decoder->encoded - 1u] = decoded;
            decoder->crc = crc_byte(decoder->crc, decoded);
        }
        decoder->encoded++;
        return RIG_DECODED_NOTHING;
    }

    const size_t encoded = decoder->encoded;
    const bool whole = !decoder->too_long && decoder->block_left == 0u;
    decoder->encoded = 0u;
    decoder->block_left = 0u;
    decoder->too_long = false;
    if (encoded == 0u) {
        return RIG_DECODED_NOTHING;
    }
    if (!whole || encoded < 1u + RIG_PAYLOAD_MIN + RIG_CRC_BYTES || decoder->crc != CRC_RESIDUE) {
        return RIG_DECODED_BAD;
    }
    decoder->payload_bytes = encoded - 1u - RIG_CRC_BYTES;
    return RIG_DECODED_PAYLOAD;
}

size_t rig_encode(uint8_t frame[RIG_FRAME_MAX], const uint8_t *payload, size_t payload_bytes)
{
    if (payload_bytes < RIG_PAYLOAD_MIN || payload_bytes > RIG_PAYLOAD_MAX) {
        return 0u;
    }
    uint8_t crc[RIG_CRC_BYTES];
    (void)rig_put_u32(crc, rig_crc32(payload, payload_bytes));

    size_t code_at = 0u;
    size_t length = 1u;
    uint8_t code = 1u;
    for (size_t n = 0; n < payload_bytes + RIG_CRC_BYTES; n++) {
        const uint8_t byte = n < payload_bytes ? payload[n] : crc[n - payload_bytes];
        if (byte == 0u) {
            frame[code_at] = code;
            code_at = length;
            code = 1u;
        } else {
            frame[length] = byte;
            code++; /* at most 251: payload and CRC are shorter than one full block */
        }
        length++;
    }
    frame[code_at] = code;
    frame[length] = 0u;
    return length + 1u;
}

static uint32_t f32_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float f32_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

bool rig_is_finite(float value)
{
    return (f32_bits(value) & F32_EXPONENT) != F32_EXPONENT;
}

float rig_nan(void)
{
    return f32_of(F32_QUIET_NAN);
}

uint16_t rig_get_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] | (uint16_t)(at[1] << 8));
}

uint32_t rig_get_u32(const uint8_t *at)
{
    return (uint32_t)rig_get_u16(at) | ((uint32_t)rig_get_u16(at + 2) << 16);
}

float rig_get_f32(const uint8_t *at)
{
    const uint32_t bits = rig_get_u32(at);
    return f32_of(bits == F32_MINUS_ZERO ? 0u : bits);
}

uint8_t *rig_put_u8(uint8_t *at, uint8_t value)
{
    at[0] = value;
    return at + 1;
}

uint8_t *rig_put_u16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value & 0xFFu);
    at[1] = (uint8_t)(value >> 8);
    return at + 2;
}

uint8_t *rig_put_u32(uint8_t *at, uint32_t value)
{
    return rig_put_u16(rig_put_u16(at, (uint16_t)(value & 0xFFFFu)), (uint16_t)(value >> 16));
}

uint8_t *rig_put_u64(uint8_t *at, uint64_t value)
{
    return rig_put_u32(rig_put_u32(at, (uint32_t)(value & 0xFFFFFFFFu)), (uint32_t)(value >> 32));
}

uint8_t *rig_put_f32(uint8_t *at, float value)
{
    uint32_t bits = f32_bits(value);
    if (bits == F32_MINUS_ZERO) {
        bits = 0u;
    } else if ((bits & ~F32_MINUS_ZERO) > F32_EXPONENT) {
        bits = F32_QUIET_NAN;
    }
    return rig_put_u32(at, bits);
}
