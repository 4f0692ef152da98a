/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/compress.h"

#include "image/decompress.h"
#include "image/library.h"
#include "image_fixture.h"

#include <lzma.h>

/* Pieces, joined, are read by the formats' own libraries (decompress.c) and by the formats' own programs. */

static const atomic_bool go_on;

typedef struct Joiner {
        const Compressor *compressor;
        ImageFormat format;
        int level;
        void *state;
        Sink sink;
} Joiner;

static Joiner joiner_begin(ImageFormat format, int level)
{
        Joiner joiner = {
                .compressor = compressor_for(format),
                .format = format,
                .level = level,
                .sink.fd = memory_file(),
        };

        assert_int_equal(digest_new(&joiner.sink.digest), 0);
        if (joiner.compressor->begin)
                assert_int_equal(joiner.compressor->begin(level, &joiner.sink, &joiner.state), 0);
        return joiner;
}

static void joiner_add(Joiner *joiner, const void *data, size_t size_bytes)
{
        Piece piece = { 0 };

        assert_int_equal(joiner->compressor->compress(joiner->level, data, size_bytes, &go_on, &piece), 0);
        assert_int_equal(piece.input_bytes, size_bytes);
        assert_int_equal(sink_write(&joiner->sink, piece.data, piece.size_bytes), 0);
        if (joiner->compressor->join)
                assert_int_equal(joiner->compressor->join(joiner->state, &piece), 0);
        free(piece.data);
}

/* Returns the file. */
static int joiner_end(Joiner *joiner)
{
        if (joiner->compressor->end)
                assert_int_equal(joiner->compressor->end(joiner->state, &joiner->sink), 0);
        if (joiner->compressor->free)
                joiner->compressor->free(joiner->state);
        digest_free(joiner->sink.digest);
        return joiner->sink.fd;
}

static int decompress_all(int fd, Buffer *ret, Error *error)
{
        _cleanup_decompressor_ Decompressor *decompressor = NULL;
        _cleanup_free_ char *chunk = malloc(100000);
        int r = decompressor_new(fd, &decompressor, error);
        size_t n = 1;

        while (r == 0 && n > 0) {
                r = decompressor_read(decompressor, chunk, 100000, &n, error);
                if (r == 0)
                        r = buffer_append(ret, chunk, n);
        }
        return r;
}

static void assert_content(int fd, const void *data, size_t size_bytes)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;

        if (decompress_all(fd, &buffer, &error) < 0)
                fail_msg("%s", error.message);
        assert_int_equal(buffer.length, size_bytes);
        assert_memory_equal(buffer.data, data, size_bytes);
}

static void assert_program(ImageFormat format, int fd, const void *data, size_t size_bytes)
{
        static const char *const programs[] = {
                [IMAGE_TAR_GZ] = "gzip",
                [IMAGE_TAR_XZ] = "xz",
                [IMAGE_TAR_ZST] = "zstd",
        };
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;

        int status = RUN(fd, &buffer, programs[format], "-dc");
        if (status == 127) {
                print_message("SKIP: %s is not installed\n", programs[format]);
                return;
        }
        assert_int_equal(status, 0);
        assert_int_equal(buffer.length, size_bytes);
        assert_memory_equal(buffer.data, data, size_bytes);
}

static void test_pieces(void **state _unused_)
{
        static const size_t sizes[] = { 512, 1, 300000, 100, 700000, 512 };
        size_t total = 0;

        for (size_t i = 0; i < ELEMENTS(sizes); i++)
                total += sizes[i];
        _cleanup_free_ uint8_t *data = malloc(total);
        fill_words(data, total, 1);
        fill_noise(data + 400000, 200000, 2);
        for (int format = IMAGE_TAR_GZ; format < IMAGE_FORMATS; format++) {
                Joiner joiner = joiner_begin((ImageFormat) format, image_format_default_level((ImageFormat) format));
                const uint8_t *next = data;
                for (size_t i = 0; i < ELEMENTS(sizes); i++) {
                        joiner_add(&joiner, next, sizes[i]);
                        next += sizes[i];
                }
                _cleanup_close_ int fd = joiner_end(&joiner);
                assert_content(fd, data, total);
                assert_program((ImageFormat) format, fd, data, total);
        }
}

/* What can't be compressed must still fit, at sizes around those of the encoders' chunks. */
static void test_noise(void **state _unused_)
{
        static const size_t sizes[] = { (1 << 21) + 1, 65535, 65536, 65537 };
        _cleanup_free_ uint8_t *data = malloc(sizes[0]);

        fill_noise(data, sizes[0], 3);
        for (int format = IMAGE_TAR_GZ; format < IMAGE_FORMATS; format++)
                for (size_t i = 0; i < ELEMENTS(sizes); i++) {
                        Joiner joiner = joiner_begin((ImageFormat) format, 1);
                        joiner_add(&joiner, data, sizes[i]);
                        _cleanup_close_ int fd = joiner_end(&joiner);
                        assert_in_range(joiner.sink.size_bytes, sizes[i], sizes[i] + sizes[i] / 1000 + 200);
                        assert_content(fd, data, sizes[i]);
                }
}

/* A piece of gz goes on at the bit at which its last block ends: all eight of them come about. */
static void test_gz_joints(void **state _unused_)
{
        enum { PIECES = 400 };
        _cleanup_free_ uint8_t *data = malloc(PIECES * PIECES);
        size_t total = 0;
        Joiner joiner = joiner_begin(IMAGE_TAR_GZ, 6);

        fill_words(data, PIECES * PIECES, 7);
        fill_noise(data + 30000, 20000, 8);
        for (size_t i = 1; i <= PIECES; i++) {
                joiner_add(&joiner, data + total, i);
                total += i;
        }
        _cleanup_close_ int fd = joiner_end(&joiner);
        assert_content(fd, data, total);
        assert_program(IMAGE_TAR_GZ, fd, data, total);
}

/* Many deflate blocks in one piece, stored ones at its end. */
static void test_gz_blocks(void **state _unused_)
{
        const size_t size_bytes = 2000000;
        _cleanup_free_ uint8_t *data = malloc(size_bytes);

        for (int level = 1; level <= 12; level += 5) {
                Joiner joiner = joiner_begin(IMAGE_TAR_GZ, level);
                fill_words(data, size_bytes, 9);
                fill_noise(data + 1500000, 500000, 10);
                joiner_add(&joiner, data, size_bytes);
                joiner_add(&joiner, data + 1000, 700000);
                _cleanup_close_ int fd = joiner_end(&joiner);
                _cleanup_free_ uint8_t *both = malloc(size_bytes + 700000);
                memcpy(both, data, size_bytes);
                memcpy(both + size_bytes, data + 1000, 700000);
                assert_content(fd, both, size_bytes + 700000);
        }
}

/* The cache tells encoders apart by this. */
static void test_identities(void **state _unused_)
{
        char texts[IMAGE_FORMATS][COMPRESSOR_IDENTITY_MAX];

        for (int format = IMAGE_TAR_GZ; format < IMAGE_FORMATS; format++) {
                compressor_for((ImageFormat) format)->identity(texts[format]);
                assert_in_range(strlen(texts[format]), 5, COMPRESSOR_IDENTITY_MAX - 2);
                for (int other = IMAGE_TAR_GZ; other < format; other++)
                        assert_string_not_equal(texts[format], texts[other]);
        }
        library_identity(NULL, "fallback", texts[0], sizeof texts[0]);
        assert_string_equal(texts[0], "fallback");
}

static void test_levels(void **state _unused_)
{
        _cleanup_free_ uint8_t *data = malloc(60000);

        fill_words(data, 60000, 4);
        for (int format = IMAGE_TAR_GZ; format < IMAGE_FORMATS; format++) {
                int lowest, highest;
                image_format_levels((ImageFormat) format, &lowest, &highest);
                for (int level = lowest; level <= highest; level++) {
                        Joiner joiner = joiner_begin((ImageFormat) format, level);
                        joiner_add(&joiner, data, 60000);
                        _cleanup_close_ int fd = joiner_end(&joiner);
                        assert_content(fd, data, 60000);
                }
        }
}

/* A piece is the same whatever was compressed before it. */
static void test_pieces_stand_alone(void **state _unused_)
{
        _cleanup_free_ uint8_t *data = malloc(60000);

        fill_words(data, 60000, 5);
        for (int format = IMAGE_TAR_GZ; format < IMAGE_FORMATS; format++) {
                const Compressor *compressor = compressor_for((ImageFormat) format);
                Piece first = { 0 }, other = { 0 }, again = { 0 };
                assert_int_equal(compressor->compress(3, data, 30000, &go_on, &first), 0);
                assert_int_equal(compressor->compress(3, data + 7, 45000, &go_on, &other), 0);
                assert_int_equal(compressor->compress(3, data, 30000, &go_on, &again), 0);
                assert_int_equal(first.size_bytes, again.size_bytes);
                assert_memory_equal(first.data, again.data, first.size_bytes);
                assert_int_equal(first.join, again.join);
                free(first.data);
                free(other.data);
                free(again.data);
        }
}

/* RFC 1952 fields: no name, no time, a fixed system, exactly one member. */
static void test_gz_frame(void **state _unused_)
{
        Joiner joiner = joiner_begin(IMAGE_TAR_GZ, 6);
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;

        joiner_add(&joiner, "hello ", 6);
        joiner_add(&joiner, "world", 5);
        _cleanup_close_ int fd = joiner_end(&joiner);
        read_whole(fd, &buffer);
        assert_memory_equal(buffer.data, "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", 10);
        assert_memory_equal(buffer.data + buffer.length - 10, "\x03\x00\x85\x11\x4a\x0d\x0b\x00\x00\x00", 10);
}

static void test_xz_frame(void **state _unused_)
{
        Joiner joiner = joiner_begin(IMAGE_TAR_XZ, 6);
        _cleanup_free_ uint8_t *data = calloc(3, 1 << 20);
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
        uint64_t memory_limit = UINT64_MAX;
        lzma_stream_flags flags;
        lzma_index *index = NULL;
        size_t position = 0;

        for (size_t i = 0; i < 3; i++)
                joiner_add(&joiner, data + (i << 20), 1 << 20);
        _cleanup_close_ int fd = joiner_end(&joiner);
        read_whole(fd, &buffer);
        const uint8_t *bytes = (const uint8_t *) buffer.data, *footer = bytes + buffer.length - 12;
        assert_int_equal(lzma_stream_footer_decode(&flags, footer), LZMA_OK);
        assert_int_equal(lzma_index_buffer_decode(&index, &memory_limit, NULL, footer - flags.backward_size, &position,
                                                  (size_t) flags.backward_size), LZMA_OK);
        assert_int_equal(lzma_index_stream_count(index), 1);
        assert_int_equal(lzma_index_block_count(index), 3);
        assert_int_equal(lzma_index_uncompressed_size(index), 3 << 20);
        lzma_index_end(index, NULL);
        /* the first block's header has both sizes: that is what parallel decoders want */
        assert_int_equal(bytes[13] & 0xc0, 0xc0);
}

static void test_xz_stops(void **state _unused_)
{
        static const atomic_bool stop = true;
        _cleanup_free_ uint8_t *data = calloc(1, BLOCK_MAX_BYTES);
        Piece piece = { 0 };

        fill_words(data, BLOCK_MAX_BYTES, 6);
        assert_int_equal(compress_xz.compress(6, data, BLOCK_MAX_BYTES, &stop, &piece), -ECANCELED);
        assert_null(piece.data);
}

static void assert_damaged(const Buffer *file, size_t length, const char *message)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
        _cleanup_close_ int fd = memory_file();

        assert_int_equal(write_all(fd, file->data, length), 0);
        assert_int_equal(decompress_all(fd, &buffer, &error), -EBADMSG);
        if (!strstr(error.message, message))
                fail_msg("\"%s\" is not in: %s", message, error.message);
}

static void test_damage(void **state _unused_)
{
        uint8_t data[5000];

        fill_words(data, sizeof data, 7);
        for (int format = IMAGE_TAR_GZ; format < IMAGE_FORMATS; format++) {
                _cleanup_buffer_ Buffer file = BUFFER_INIT;
                Joiner joiner = joiner_begin((ImageFormat) format, 3);
                joiner_add(&joiner, data, sizeof data);
                _cleanup_close_ int fd = joiner_end(&joiner);
                read_whole(fd, &file);
                size_t length = file.length;
                assert_damaged(&file, length - 1, "it ends too early");
                assert_damaged(&file, length / 2, "it ends too early");
                file.data[length / 2] ^= 4;
                assert_damaged(&file, length, "is damaged");
                file.data[length / 2] ^= 4;
                assert_int_equal(buffer_append(&file, "x", 1), 0);
                assert_damaged(&file, length + 1, format == IMAGE_TAR_GZ ? "Bytes follow" : "is damaged");
        }
}

/* Several members would make systemd up to 257 spin for ever; frames of zstd may follow each other. */
static void test_members(void **state _unused_)
{
        for (int format = IMAGE_TAR_GZ; format < IMAGE_FORMATS; format++) {
                _cleanup_buffer_ Buffer file = BUFFER_INIT, twice = BUFFER_INIT;
                Joiner joiner = joiner_begin((ImageFormat) format, 3);
                joiner_add(&joiner, "x", 1);
                _cleanup_close_ int fd = joiner_end(&joiner);
                read_whole(fd, &file);
                _cleanup_free_ char *copy = malloc(file.length);
                memcpy(copy, file.data, file.length);
                assert_int_equal(buffer_append(&file, copy, file.length), 0);
                if (format == IMAGE_TAR_GZ) {
                        assert_damaged(&file, file.length, "Bytes follow");
                        continue;
                }
                _cleanup_close_ int twice_fd = memory_file();
                assert_int_equal(write_all(twice_fd, file.data, file.length), 0);
                assert_int_equal(decompress_all(twice_fd, &twice, NULL), 0);
                assert_string_equal(twice.data, "xx");
        }
}

static void test_plain(void **state _unused_)
{
        static const char *const contents[] = { "", "x", "\x1f", "plain" };

        for (size_t i = 0; i < ELEMENTS(contents); i++) {
                _cleanup_close_ int fd = memory_file();
                assert_int_equal(write_all(fd, contents[i], strlen(contents[i])), 0);
                assert_content(fd, contents[i], strlen(contents[i]));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pieces),   cmocka_unit_test(test_noise),
                cmocka_unit_test(test_levels),   cmocka_unit_test(test_pieces_stand_alone),
                cmocka_unit_test(test_gz_frame), cmocka_unit_test(test_xz_frame),
                cmocka_unit_test(test_xz_stops), cmocka_unit_test(test_damage),
                cmocka_unit_test(test_members),  cmocka_unit_test(test_plain),
                cmocka_unit_test(test_gz_joints), cmocka_unit_test(test_gz_blocks),
                cmocka_unit_test(test_identities),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
