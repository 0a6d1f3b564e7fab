/*
 * acceptor.h
 *	  The thread that accepts connections.
 */
#ifndef EDURANGE_SHIM_ACCEPTOR_H
#define EDURANGE_SHIM_ACCEPTOR_H

#include <stdbool.h>
#include <sys/socket.h>

/* Takes over a connection, which came to the port of the metrics or to the other one. */
typedef void (*AcceptorTake)(int fd, const struct sockaddr_storage *address, socklen_t length,
                             bool metrics);

/* Starts to accept on listening sockets, which belong to the acceptor from now on; -1: no metrics. */
extern bool acceptor_start(int fd, int metrics_fd, AcceptorTake take);
extern void acceptor_stop(void);

#endif
