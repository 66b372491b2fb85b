/*
 * notify.h - words to the service manager (the sd_notify protocol, which systemd declares stable): READY=1,
 * STATUS=..., STOPPING=1, WATCHDOG=1. Own code instead of libsystemd: it is one datagram.
 */
#ifndef SYS_NOTIFY_H
#define SYS_NOTIFY_H

/* Sends the state lines. Without NOTIFY_SOCKET in the environment nothing happens. 0 or -errno. */
int notify_manager(const char *state);

#endif
