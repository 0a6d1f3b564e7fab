/*
 * beginning.c
 *	  How the work of the sync worker begins: on the right server, and with all periods before it.
 *
 * A copy of a data directory has the address of the Instance Manager, too, and would end pods that are none of its
 * business.  So the worker is bound to the server that it first worked on: its system identifier, the file
 * PG_VERSION of its data directory, which is another file in each copy, and the text of a file outside of it
 * (edurange.server_marker), for copies of whole disks.  Anywhere else it waits for
 * edurange.sync_confirm().  A server that was started as a standby of the same cluster and promoted goes on by
 * itself: that is what it is for.
 *
 * Stored times order and inform.  Periods count from when the worker began, because nobody knows what the clock
 * did before.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/xlog.h"
#include "common/md5.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/guc.h"
#include "base/own_locks.h"
#include "base/refusal.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/caller.h"
#include "sync/beginning.h"
#include "sync/sync_sql.h"
#include "sync/sync_status.h"
#include "sync/telling.h"

#define MARKER_SIZE 4096

typedef enum StatementId
{
	BOUND,
	BIND,
	ANEW,
	FORGET_ORDER,
	FORGET_SEEN,
	STATEMENT_COUNT
} StatementId;

/* clang-format off */
static Statement statements[STATEMENT_COUNT] = {
    [BOUND] = {"SELECT bound_to FROM edurange.sync_state", {InvalidOid}},
    [BIND] = {"UPDATE edurange.sync_state SET bound_to = $1", {TEXTOID}, .must_write = true},
    /*
	 * $1 grace, $2 quarantine, $3 deadline of CREATING, $4 time to end.  What was tried already is tried at the time
	 * that was planned, unless that is further ahead than anything is ever planned.
	 */
    [ANEW] = {"UPDATE edurange.sync_watch w SET since = CASE WHEN reason NOT IN ('missing', 'flag') THEN since END,"
              " due = CASE WHEN reason = 'missing' OR reason IN ('zombie', 'orphan') AND attempts = 0 THEN now + $1"
              "  WHEN reason = 'unknown' AND attempts = 0 THEN now + $2"
              "  WHEN reason = 'creating' THEN now + $3 WHEN reason = 'ending' THEN now + $4"
              "  WHEN due > now + greatest($1, $2, $4, " LONGEST_WAIT ") THEN now ELSE due END"
              " FROM clock_timestamp() AS clock (now) WHERE due IS NOT NULL",
              {INTERVALOID, INTERVALOID, INTERVALOID, INTERVALOID}},
    [FORGET_ORDER] = {"UPDATE edurange.sync_state SET applied_at = NULL WHERE applied_at IS NOT NULL",
                      {InvalidOid}},
    [FORGET_SEEN] = {"DELETE FROM edurange.sync_watch WHERE reason = 'observed'", {InvalidOid}},
};
/* clang-format on */

/* The text of the marker; nothing where there is none to be read. */
static size_t
read_marker(char *text, size_t size)
{
	int file = guc_server_marker[0] == '\0'
	               ? -1
	               : OpenTransientFile(guc_server_marker, O_RDONLY | O_NONBLOCK);
	ssize_t length;

	if (file < 0)
		return 0;
	length = read(file, text, size);
	CloseTransientFile(file);
	return length < 0 ? 0 : (size_t) length;
}

/* What tells this server from every copy of it. */
static char *
describe_server(void)
{
	char marker[MARKER_SIZE];
	char digest[33];
	const char *problem = NULL;
	size_t length = read_marker(marker, sizeof(marker));
	struct statx file = {0};

	if (statx(AT_FDCWD, "PG_VERSION", 0, STATX_INO | STATX_BTIME, &file) != 0)
		ereport(ERROR, (errcode_for_file_access(),
		                errmsg("could not stat file \"%s\": %m", "PG_VERSION")));
	if (!pg_md5_hash(marker, length, digest, &problem))
		elog(ERROR, "could not compute MD5: %s", problem);
	return psprintf(UINT64_FORMAT " " UINT64_FORMAT " " INT64_FORMAT ".%09u %s",
	                GetSystemIdentifier(), (uint64) file.stx_ino, (int64) file.stx_btime.tv_sec,
	                file.stx_btime.tv_nsec, digest);
}

/* Is it the same cluster, by its system identifier? */
static bool
is_same_cluster(const char *bound_to)
{
	return strtoull(bound_to, NULL, 10) == GetSystemIdentifier();
}

static char *
bound_to(void)
{
	if (statement_run(&statements[BOUND], NULL, 0) == 0)
		raise_error(EDURANGE_NOT_INSTALLED, "table \"edurange.sync_state\" has lost its row");
	return row_text_or_null(0, 1);
}

/* Why the worker may not work here, be it so; otherwise it is bound to this server from now on. */
static const char *
find_obstacle(void)
{
	char *here = describe_server();
	char *there = bound_to();

	if (there != NULL && strcmp(here, there) == 0)
		return NULL;
	if (there != NULL && !is_same_cluster(there))
		return "this database was copied from another cluster; if this server is to keep its"
		       " instances true now, call edurange.sync_confirm()";
	if (there != NULL && !sync_status_was_standby())
		return "this server is a copy of the one that keeps the instances true; if it is to do"
		       " that instead, call edurange.sync_confirm()";
	STATEMENT_RUN(&statements[BIND], value_text(here));
	ereport(LOG, (errmsg(there == NULL ? "the sync worker works for this server from now on"
	                                   : "the sync worker goes on after the promotion of this"
	                                     " server")));
	return NULL;
}

void
begin_anew(void)
{
	STATEMENT_RUN(&statements[ANEW], value_span(guc_sync_grace), value_span(guc_sync_quarantine),
	              value_span(guc_sync_creating_deadline), value_span(guc_sync_end_interval));
	statement_run(&statements[FORGET_ORDER], NULL, 0);
	statement_run(&statements[FORGET_SEEN], NULL, 0);
	sync_status_begin();
}

/* Says once an hour why there is nothing to do. */
static void
report_obstacle(const char *obstacle)
{
	static Telling told;

	if (may_tell(&told, 1))
		ereport(WARNING, (errmsg("the sync worker idles: %s", obstacle)));
}

SQL_FUNCTION(edurange_sync_begin)
{
	const char *obstacle;

	statements_begin();
	(void) lock_take(LOCK_PASSES, 0, true);
	obstacle = find_obstacle();
	if (obstacle == NULL)
		begin_anew();
	else
		report_obstacle(obstacle);
	statements_end();
	if (obstacle == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(obstacle));
}

SQL_FUNCTION(edurange_sync_confirm)
{
	caller_check(fcinfo);
	statements_begin();
	(void) lock_take(LOCK_PASSES, 0, true);
	STATEMENT_RUN(&statements[BIND], value_text(describe_server()));
	statements_end();
	PG_RETURN_VOID();
}
