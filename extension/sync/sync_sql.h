/*
 * sync_sql.h
 *	  The room sync/: what the Instance Manager reports, held against the table of instances.
 *
 * An observation comes in through SQL (sync.c), be it the worker's or a test's, and is read by observation.c; a
 * list of pods is first cut into its elements (pod_list.c).  One pass compares it with all live instances,
 * writes what it proves and nothing else, does what follows from that (sync_steps.c), and answers
 * with what to ask next.  brake.c holds instances whose pods vanish together; beginning.c is what comes before
 * the first pass.  sync_status.c tells how it goes.  Nobody here speaks to the Instance
 * Manager, and nobody here knows a rule of the game.
 *
 * This file has the pieces that statements of several files share.
 */
#ifndef EDURANGE_SYNC_SQL_H
#define EDURANGE_SYNC_SQL_H

#include "text/flags.h"
#include "text/plain_text.h"

/* How many requests of a kind one pass asks for at most; the rest comes with the next ones. */
#define WANTED_LIMIT "1000"

/* Retries double their distance up to this. */
#define LONGEST_WAIT "interval '1 hour'"
#define RETRY_AFTER(first, attempts, longest)                                                      \
	"least(" first " * 2 ^ least(" attempts ", 20), greatest(" first ", " longest "))"

/*
 * Whether a time is after another one.  One that lies ahead of the clock was written before that was set back, and
 * is after nothing.
 */
#define IS_AFTER(time, other) "(" time " > " other " AND " time " <= clock_timestamp())"

/* Whether a name may be watched: no pod has a longer one, and an index takes no text of any length. */
#define WATCHABLE(name) "octet_length(" name ") <= 1000"

/* Of the secrets there are, the one that is an instance's own. */
#define SECRET_PREFIX "flag-secret-"
#define OWN_SECRET(id) "'" SECRET_PREFIX "' || " id

/*
 * What the Instance Manager makes of a text before it becomes a label of a pod: other characters
 * become hyphens, one symbol at either end goes, and 63 characters are left.  Some of its releases make letters
 * small, so labels are compared without regard to that.
 */
#define LABEL(text)                                                                                \
	"lower(left(regexp_replace(regexp_replace(" text ", '[^A-Za-z0-9._-]', '-', 'g'),"             \
	" '^[^A-Za-z0-9]|[^A-Za-z0-9]$', '', 'g'), 63))"

/* Whether a label that says something does not stand for the id. */
#define LABEL_DIFFERS(label, id)                                                                   \
	"(" label " <> 'unknown' AND " label " <> " id " AND lower(" label ") <> " LABEL(id) ")"

/* Whether a pod can have the name: the Instance Manager takes labels of DNS only. */
#define IS_POD_NAME(name) "(" name " ~ '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$')"

/* The name of the secret whose value an instance has; null where it has none. */
/* clang-format off */
#define SYNCED_SECRET(i)                                                                                             \
	"CASE WHEN (SELECT NOT " SAYS_NO_FLAG("f.said") " FROM (SELECT " COMPARABLE_COLUMN(i ".flag") " OFFSET 0) AS f (said))" \
	" THEN " i ".\"flagSecretName\" END"
/* clang-format on */

/* Whether so many at once are more likely a mistake: more than three, and more than a fifth of all. */
#define IS_MANY(part, all) "(" part " > 3 AND (" part ") * 5 > " all ")"

/* Whether the pod of a deleted instance can be given to nobody: there is none again, and its user or competition is gone. */
#define IS_LEFT_OVER(name)                                                                         \
	"(EXISTS (SELECT FROM edurange.sync_past p WHERE p.name = " name " AND p.reason = 'deleted'"   \
	" AND (NOT EXISTS (SELECT FROM public.\"User\" u WHERE u.id = p.user_id)"                      \
	"  OR NOT EXISTS (SELECT FROM public.\"CompetitionGroup\" g WHERE g.id = p.group_id)))"        \
	" AND NOT EXISTS (SELECT FROM public.\"ChallengeInstance\" i WHERE i.id = " name "))"

/* The columns of an entry in the activity log, in the order in which SELECTs give them. */
#define LOG_COLUMNS                                                                                \
	"(id, \"eventType\", \"userId\", \"challengeId\", \"groupId\", \"challengeInstanceId\","       \
	" metadata, severity, \"timestamp\")"

#endif
