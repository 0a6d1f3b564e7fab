/*
 * notify.h
 *	  What a service manager is told: that the shim is ready, that it stops.
 */
#ifndef NOTIFY_H
#define NOTIFY_H

void notify_manager(const char *state);

#endif
