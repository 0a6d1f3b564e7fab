/*
 * acceptor.h
 *	  The thread that accepts connections.
 */
#ifndef EDURANGE_SHIM_ACCEPTOR_H
#define EDURANGE_SHIM_ACCEPTOR_H

#include <stdbool.h>
#include <sys/socket.h>

/* Takes over a connection; false when there are as many as are allowed already. */
typedef bool (*AcceptorTake)(int fd, const struct sockaddr_storage *address, socklen_t length);

/* Starts to accept on a listening socket, which belongs to the acceptor from now on. */
extern bool acceptor_start(int fd, AcceptorTake take);
extern void acceptor_stop(void);

#endif
