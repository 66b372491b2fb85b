/* test_keys.c - the table of keys is complete and its defaults obey its own bounds. */
#include "cmocka_all.h"

#include "base/auto.h"
#include "config/config.h"
#include "config/value.h"

static void every_row_is_filled(void **state)
{
    (void)state;
    for (int key = 0; key < CONFIG_KEY_COUNT; key++) {
        const struct config_key_info *info = config_key_info((enum config_key)key);
        assert_non_null(info->path);
        assert_non_null(info->default_text);
        assert_non_null(info->help);
        assert_in_range(info->type, 0, CONFIG_TYPE_COUNT - 1);
        assert_true(info->offset < offsetof(struct config, origin));
        for (int other = 0; other < key; other++) {
            assert_string_not_equal(info->path, config_key_info((enum config_key)other)->path);
            assert_int_not_equal(info->offset, config_key_info((enum config_key)other)->offset);
        }
    }
}

static void a_default_is_shown_as_it_is_written(void **state)
{
    AUTO(config) struct config c = {0};

    (void)state;
    for (int key = 0; key < CONFIG_KEY_COUNT; key++) {
        const char *text = config_key_info((enum config_key)key)->default_text;
        AUTO(strbuf) struct strbuf out = STRBUF_INIT(4096);

        assert_int_equal(config_value_set(&c, (enum config_key)key, strcmp(text, "\"\"") == 0 ? "" : text),
                         0);
        config_put_value(&c, (enum config_key)key, &out);
        assert_string_equal(strbuf_str(&out), strcmp(text, "\"\"") == 0 ? "''" : text);
    }
}

static void every_type_has_words(void **state)
{
    (void)state;
    for (int type = 0; type < CONFIG_TYPE_COUNT; type++)
        assert_non_null(config_type_text((enum config_type)type));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_filled),
        cmocka_unit_test(a_default_is_shown_as_it_is_written),
        cmocka_unit_test(every_type_has_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
