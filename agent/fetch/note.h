/*
 * note.h - small files that are replaced as a whole and need not survive a power failure.
 */
#ifndef FETCH_NOTE_H
#define FETCH_NOTE_H

#include "base/strbuf.h"

/* Readers see the old text or the new one. The folder has one writer of the name at a time. 0 or -errno. */
int note_write(int dir_fd, const char *name, const struct strbuf *text);

#endif
