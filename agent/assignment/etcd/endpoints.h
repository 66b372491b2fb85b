/*
 * endpoints.h - the members of an etcd cluster as they stand in the configuration. Pure.
 */
#ifndef ASSIGNMENT_ETCD_ENDPOINTS_H
#define ASSIGNMENT_ETCD_ENDPOINTS_H

#include "base/err.h"
#include "base/strlist.h"

#define ETCD_ENDPOINTS_MAX      32
#define ETCD_ENDPOINT_BYTES_MAX 255

/* "http://10.0.0.1:2379,https://etcd.example": adds each to *ret, without a '/' at its end. At least one. 0 or negative with *e. */
int etcd_endpoints_read(const char *text, struct strlist *ret, struct err *e);

#endif
