/*
 * notify.h - words to the service manager (the sd_notify protocol, which systemd declares stable: READY=1,
 * STATUS=..., STOPPING=1, WATCHDOG=1), and the socket that it listens at for us (the sd_listen_fds protocol). Own
 * code instead of libsystemd: it is one datagram and two variables.
 */
#ifndef SYS_NOTIFY_H
#define SYS_NOTIFY_H

/* Sends the state lines. Without NOTIFY_SOCKET in the environment nothing happens. 0 or -errno. */
int notify_manager(const char *state);

/* The listening unix stream socket that the service manager hands to this process; -ENOENT when it hands none,
 * -EINVAL when what it hands over is something else, or more than one. Close-on-exec; the caller's from now on. */
int manager_socket(void);

#endif
