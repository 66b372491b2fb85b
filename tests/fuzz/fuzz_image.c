// USES: job
/* fuzz_image.c - any text as a reference, a manifest or a configuration of an image: what is taken keeps its promises. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "job/image.h"
#include "job/image_ref.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *text = strndup((const char *)data, size);
    AUTO(image_manifest) struct image_manifest manifest = {0};
    AUTO(image_config) struct image_config config = {0};
    AUTO(strlist) struct strlist argv = {0};
    struct container_details job = {.image = NULL};
    struct image_ref ref;
    struct err e = ERR_INIT;

    if (text == NULL)
        return 0;
    if (image_ref_parse(text, &ref) == NULL &&
        (ref.name[0] == '\0' || ref.name[0] == '-' || strstr(ref.name, "..") != NULL))
        abort();
    if (image_manifest_read(text, strlen(text), "amd64", &manifest, &e) == 0) {
        if (manifest.is_list ? !image_digest_valid(manifest.chosen)
                             : !image_digest_valid(manifest.config.digest))
            abort();
        if (manifest.bytes < 0 || manifest.layer_count > IMAGE_LAYERS_MAX)
            abort();
    }
    if (image_config_read(text, strlen(text), &config, &e) == 0) {
        const struct strlist none = {0};
        if (config.directory != NULL && config.directory[0] != '/')
            abort();
        if (image_command(&config, &job, &none, &argv, &e) == 0 && argv.count == 0)
            abort();
    }
    return 0;
}
