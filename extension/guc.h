/*
 * guc.h
 *	  The settings of the extension and its worker.
 */
#ifndef EDURANGE_GUC_H
#define EDURANGE_GUC_H

extern char *guc_database;
extern bool guc_webos_compatibility;
extern int guc_idempotency_retention; /* minutes */
extern int guc_attempt_limit;
extern int guc_attempt_window; /* seconds */
extern int guc_attempt_lock;   /* seconds */

extern void guc_define(void);

#endif
