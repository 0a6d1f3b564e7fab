/*
 * acceptor.h
 *	  The thread that accepts connections.
 */
#ifndef EDURANGE_SHIM_ACCEPTOR_H
#define EDURANGE_SHIM_ACCEPTOR_H

#include <stdbool.h>
#include <sys/socket.h>

/* Takes over a connection; false when there are as many as the limit allows already. */
typedef bool (*AcceptorTake)(int fd, const struct sockaddr_storage *address, socklen_t length,
                             int limit);

/* Starts to accept on a listening socket, which belongs to the acceptor from now on. */
extern bool acceptor_start(int fd, int limit, AcceptorTake take);
extern void acceptor_stop(void);

#endif
