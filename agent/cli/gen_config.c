/* gen_config.c - the table of configuration keys in Markdown; see gen.h. */
#include "cli/gen.h"

#include "base/auto.h"
#include "config/keys.h"
#include "config/value.h"

void gen_config_reference(FILE *out)
{
    (void)fputs("| key | default | value | meaning |\n|---|---|---|---|\n", out);
    for (int key = 0; key < CONFIG_KEY_COUNT; key++) {
        const struct config_key_info *info = config_key_info((enum config_key)key);
        AUTO(strbuf) struct strbuf bounds = STRBUF_INIT(128);

        config_value_bounds((enum config_key)key, &bounds);
        (void)fprintf(out, "| `%s` | `%s` | %s%s%s | %s |\n", info->path, info->default_text,
                      config_type_text(info->type), bounds.len > 0 ? ", " : "", strbuf_str(&bounds),
                      info->help);
    }
}
