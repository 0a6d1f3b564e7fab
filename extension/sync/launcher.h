/*
 * launcher.h
 *	  The process that starts the sync worker, once there is all that it needs.
 */
#ifndef EDURANGE_LAUNCHER_H
#define EDURANGE_LAUNCHER_H

/* Registers it; called while the server preloads the module. */
extern void launcher_register(void);

#endif
