/*
 * notify.c
 *	  The protocol of systemd's Type=notify: lines sent to the datagram socket that NOTIFY_SOCKET names.
 *
 * Without that variable nobody waits for it, and nothing happens.  A message that cannot be sent is
 * lost: the manager acts on what it does not hear.
 */
#include "base/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Tells the manager, if there is one, lines such as READY=1. */
void
notify_manager(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = path != NULL ? strlen(path) : 0;
	int fd;

	if (length < 2 || length >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(address.sun_path, path, length);
	if (path[0] == '@') /* an abstract name, which begins with a null byte */
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *) &address,
	       (socklen_t) (offsetof(struct sockaddr_un, sun_path) + length));
	close(fd);
}
