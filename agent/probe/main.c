/*
 * main.c - runlet-probe: tells what the volume that is open as descriptor 3 holds.
 *
 * The supervisor starts it as nobody, without capabilities and new privileges; it takes away the rest and answers with one
 * fact (wire/volume.h) on standard output, or says on standard error why it cannot.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/auto.h"
#include "probe/probe.h"
#include "sys/fd.h"

#define VOLUME_FD      3
#define ANSWER_MAX     4096
#define DATA_BYTES_MAX (256UL << 20)

/* It needs some memory, and to write one line. */
static void bound(void)
{
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    (void)setrlimit(RLIMIT_FSIZE, &(struct rlimit){ANSWER_MAX, ANSWER_MAX});
#ifndef __SANITIZE_ADDRESS__ /* which starts a process in the end, and whose shadow memory is larger than any limit */
    (void)setrlimit(RLIMIT_NPROC, &(struct rlimit){0, 0});
    (void)setrlimit(RLIMIT_DATA, &(struct rlimit){DATA_BYTES_MAX, DATA_BYTES_MAX});
#endif
}

int main(void)
{
    AUTO(strbuf) struct strbuf answer = STRBUF_INIT(ANSWER_MAX);
    struct volume_facts facts;
    struct err e = ERR_INIT;

    bound();
    if (geteuid() == 0) {
        (void)fprintf(stderr, "runlet-probe is run by runlet-supervisor, and not as root\n");
        return 2;
    }
    if (probe(VOLUME_FD, &facts, &e) < 0) {
        (void)fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    if (volume_facts_encode(&facts, &answer) < 0 || fd_write_all(STDOUT_FILENO, answer.data, answer.len) < 0)
        return 1;
    return 0;
}
