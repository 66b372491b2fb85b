/*
 * class_file.h - which class a compiled Java file holds: its package decides where the class path begins. Pure.
 */
#ifndef UNPACK_CLASS_FILE_H
#define UNPACK_CLASS_FILE_H

#include <stddef.h>

#define CLASS_NAME_MAX 1024
/* Much more than a class that somebody wrote to be started. */
#define CLASS_FILE_BYTES_MAX (4U << 20)

/* The name in the n bytes of a class file, as "com/acme/Main"; source: The Java Virtual Machine Specification, 4.1 and 4.4. 0,
 * or -EINVAL when it is no class file, is cut short, or has a name that no file could have. */
int class_file_name(const unsigned char *bytes, size_t n, char ret[CLASS_NAME_MAX]);

#endif
