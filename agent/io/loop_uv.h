/*
 * loop_uv.h - what lies under the loop. Private to this folder.
 */
#ifndef IO_LOOP_UV_H
#define IO_LOOP_UV_H

#include <uv.h>

#include "io/loop.h"

/* The loop itself; handles on it must be the first member of a malloc'd object (loop_free frees what is left). */
uv_loop_t *loop_uv(struct loop *l);

/* Closes the handle, then frees the object that it is the first member of. Safe to call twice. */
void loop_close_handle(uv_handle_t *handle);

#endif
