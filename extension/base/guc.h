/*
 * guc.h
 *	  The settings of the extension and its worker.
 */
#ifndef EDURANGE_GUC_H
#define EDURANGE_GUC_H

extern char *guc_database;
extern char *guc_server_marker;
extern bool guc_sync_enabled;
extern int guc_sync_interval; /* milliseconds */
extern int guc_sync_timeout;  /* milliseconds */
extern bool guc_webos_compatibility;
extern int guc_idempotency_retention; /* minutes */
extern int guc_batch_lock_timeout;    /* milliseconds */
extern int guc_attempt_limit;
extern int guc_attempt_window;         /* seconds */
extern int guc_attempt_lock;           /* seconds */
extern int guc_sync_grace;             /* milliseconds */
extern int guc_sync_mass_grace;        /* milliseconds */
extern int guc_sync_creating_deadline; /* milliseconds */
extern int guc_sync_queued_deadline;   /* milliseconds */
extern int guc_sync_quarantine;        /* milliseconds */
extern int guc_sync_end_interval;      /* milliseconds */
extern int guc_sync_end_attempts;
extern int guc_instance_retention; /* minutes */

extern void guc_define(void);

/* Changes a setting of PostgreSQL's until the nest level that is open, a function's, ends. */
extern void guc_set_locally(const char *name, const char *value);

/* Lets locks be waited for no longer than this, likewise; 0, or more than is allowed already, changes nothing. */
extern void guc_limit_lock_wait(int milliseconds);

/*
 * Sets likewise what statements and values depend on, so that the settings of a session, a role or a database
 * change no answer of a function.  What is so already costs next to nothing.
 */
extern void guc_settle(void);

/* Is what values depend on so already? */
extern bool guc_values_are_settled(void);

#endif
