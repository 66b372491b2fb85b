/*
 * report.h - the unpacker's answer, as facts.
 *
 *     {"unpacked":true,"files":N,"bytes":N}  {"env":"KEY","value":"..."} ...  {"entry-file":"pkg/main.py"}
 *     {"unpacked":false,"blame":"assignment"|"node","reason":"..."}
 */
#ifndef UNPACK_REPORT_H
#define UNPACK_REPORT_H

#include "base/strbuf.h"
#include "unpack/work.h"

/* Each appends the whole answer. 0, -E2BIG or -ENOMEM. */
int report_success(const struct outcome *o, struct strbuf *out);
int report_failure(const struct err *e, struct strbuf *out);

#endif
