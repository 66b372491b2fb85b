// USES: unpack
/* fuzz_class_file.c - whatever a class file says its name is can be part of a path and a word of a command line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "unpack/class_file.h"
#include "unpack/member.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct member_path path = {.text = ""};
    struct err e = ERR_INIT;
    char name[CLASS_NAME_MAX];

    if (class_file_name(data, size, name) < 0)
        return 0;
    if (name[0] == '-' || member_path_read(name, &path, &e) < 0 || strcmp(path.text, name) != 0)
        abort();
    return 0;
}
