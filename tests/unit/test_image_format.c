/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/format.h"

#include "image_fixture.h"

static void test_names(void **state _unused_)
{
        static const struct {
                const char *name;
                int format;
        } cases[] = {
                { "tar", IMAGE_TAR },   { "tar.gz", IMAGE_TAR_GZ }, { "tar.xz", IMAGE_TAR_XZ }, { "tar.zst", IMAGE_TAR_ZST },
                { "zst", -EINVAL },     { "", -EINVAL },            { "TAR", -EINVAL },         { "tar.xz ", -EINVAL },
                { "tar.bz2", -EINVAL },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++)
                assert_int_equal(image_format_parse(cases[i].name), cases[i].format);
        assert_null(image_format_names[IMAGE_FORMATS]);
}

static void test_levels(void **state _unused_)
{
        for (int format = 0; format < IMAGE_FORMATS; format++) {
                int lowest, highest, level = image_format_default_level((ImageFormat) format);
                image_format_levels((ImageFormat) format, &lowest, &highest);
                assert_in_range(level, lowest, highest);
        }
        assert_int_equal(image_format_default_level(IMAGE_TAR_XZ), 6);
}

static void test_level_list(void **state _unused_)
{
        char *words[] = { (char *) "tar.gz:1", (char *) "tar.zst:19", NULL };
        ImageFormat format = IMAGE_TAR;
        int level = 0;

        assert_int_equal(image_level_parse("tar.zst:19", &format, &level, NULL), 0);
        assert_int_equal(format, IMAGE_TAR_ZST);
        assert_int_equal(level, 19);
        assert_int_equal(image_level_from_list(words, IMAGE_TAR_GZ), 1);
        assert_int_equal(image_level_from_list(words, IMAGE_TAR_ZST), 19);
        assert_int_equal(image_level_from_list(words, IMAGE_TAR_XZ), 6);
        assert_int_equal(image_level_from_list(NULL, IMAGE_TAR_XZ), 6);
        assert_int_equal(image_level_from_list(words, IMAGE_TAR), 0);
}

/* Each name belongs to its own index. */
static void test_round_trip(void **state _unused_)
{
        for (int format = 0; format < IMAGE_FORMATS; format++)
                assert_int_equal(image_format_parse(image_format_names[format]), format);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_levels),
                cmocka_unit_test(test_level_list),
                cmocka_unit_test(test_round_trip),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
