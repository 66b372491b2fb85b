/*
 * reach.h - where other nodes reach this one.
 */
#ifndef ASSIGNMENT_ETCD_REACH_H
#define ASSIGNMENT_ETCD_REACH_H

struct etcd_reach {
    char address[64];   /* IPv4; the loopback's when the machine has no other */
    char interface[16]; /* that has it; "": not known */
};

/* The address from which the default route leaves, else the first one of an interface that is up. Sends nothing. */
void reach_find(struct etcd_reach *ret);

#endif
