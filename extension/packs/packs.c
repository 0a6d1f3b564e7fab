/*
 * packs.c
 *	  Packs of challenges: installing, updating, uninstalling, and what is installed.
 *
 * A pack is its id; others may have its name.  It is installed whole or not at all.  One pack at a
 * time is installed or uninstalled, so that what packs need of each other is judged on firm ground.
 * A challenge that leaves its pack stays, with everything that was done at it, and its
 * pack_challenge_id tells where it came from.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "base/arguments.h"
#include "base/json_text.h"
#include "base/own_locks.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/idempotency.h"
#include "cdf/cdf_rows.h"
#include "game/activity.h"
#include "packs/pack_files.h"

typedef enum StatementId
{
	LOCK_PACK,
	NEEDED,
	NEEDED_BY,
	WRITE_PACK,
	RELEASE_OTHERS,
	COUNT_OTHERS,
	KEEP_MANIFEST,
	TOUCH_PACK,
	FORGET_MANIFEST,
	DELETE_PACK,
	RESULT,
	LIST,
	DETAILS,
	STATEMENT_COUNT
} StatementId;

#define PACK_COLUMNS                                                                               \
	"p.id, p.name, p.description, p.version, p.author, p.license, p.website,"                      \
	" p.installed_date AT TIME ZONE 'UTC', p.\"updatedAt\" AT TIME ZONE 'UTC',"                    \
	" (SELECT count(*) FROM public.\"Challenge\" c WHERE c.pack_id = p.id)::integer"

static Statement statements[STATEMENT_COUNT] = {
    [LOCK_PACK] = {"SELECT version, name FROM public.\"ChallengePack\" WHERE id = $1 FOR UPDATE",
                   {TEXTOID}},
    /* What the manifest $1 needs, and the version of it that is installed. */
    [NEEDED] = {"SELECT d.key, d.value, p.version"
                " FROM jsonb_each_text(coalesce($1 -> 'dependencies', '{}')) AS d (key, value)"
                " LEFT JOIN public.\"ChallengePack\" p ON p.id = d.key ORDER BY d.key",
                {JSONBOID}},
    /* Which installed packs need the pack $1, and in which range of versions. */
    [NEEDED_BY] =
        {"SELECT p.id, " JSONB_OF(
             "m.manifest") " -> 'dependencies' ->> $1"
                           " FROM edurange.pack_manifest m"
                           " JOIN public.\"ChallengePack\" p ON p.id = m.pack_id WHERE p.id <> $1"
                           " AND " JSONB_OF("m.manifest") " -> 'dependencies' ? $1 ORDER BY p.id",
         {TEXTOID}},
    /* $1 manifest */
    [WRITE_PACK] = {"INSERT INTO public.\"ChallengePack\" AS p (id, name, version, description,"
                    " author, license, website, installed_date, \"updatedAt\")"
                    " SELECT $1 ->> 'id', $1 ->> 'name', $1 ->> 'version', $1 ->> 'description',"
                    " coalesce($1 ->> 'author', 'Anonymous'), $1 ->> 'license', $1 ->> 'website',"
                    " now, now FROM " CLOCK_ROW
                    " ON CONFLICT (id) DO UPDATE SET name = excluded.name,"
                    " version = excluded.version, description = excluded.description,"
                    " author = excluded.author, license = excluded.license,"
                    " website = excluded.website, \"updatedAt\" = excluded.\"updatedAt\""
                    " WHERE (p.name, p.version, p.description, p.author, p.license, p.website)"
                    " IS DISTINCT FROM (excluded.name, excluded.version, excluded.description,"
                    " excluded.author, excluded.license, excluded.website)",
                    {JSONBOID}},
    /* The challenges of the pack $1 that are not among $2 leave it. */
    [RELEASE_OTHERS] = {"UPDATE public.\"Challenge\" SET pack_id = NULL,"
                        " \"updatedAt\" = " UTC_CLOCK
                        " WHERE pack_id = $1 AND id <> ALL ($2) RETURNING id",
                        {TEXTOID, TEXTARRAYOID}},
    [COUNT_OTHERS] =
        {"SELECT count(*) FROM public.\"Challenge\" WHERE pack_id = $1 AND id <> ALL ($2)",
         {TEXTOID, TEXTARRAYOID}},
    /* $1 pack, $2 manifest */
    [KEEP_MANIFEST] = {"INSERT INTO edurange.pack_manifest AS m (pack_id, manifest, installed_at)"
                       " VALUES ($1, $2, clock_timestamp()) ON CONFLICT (pack_id) DO UPDATE"
                       " SET manifest = excluded.manifest, installed_at = excluded.installed_at"
                       " WHERE m.manifest <> excluded.manifest",
                       {TEXTOID, TEXTOID}},
    [TOUCH_PACK] = {"UPDATE public.\"ChallengePack\""
                    " SET \"updatedAt\" = " UTC_CLOCK " WHERE id = $1",
                    {TEXTOID},
                    .must_write = true},
    [FORGET_MANIFEST] = {"DELETE FROM edurange.pack_manifest WHERE pack_id = $1", {TEXTOID}},
    [DELETE_PACK] = {"DELETE FROM public.\"ChallengePack\" WHERE id = $1",
                     {TEXTOID},
                     .must_write = true},
    [RESULT] = {"SELECT json_populate_record(NULL::edurange.pack_result, $1::json)",
                {TEXTOID},
                .reads = true},
    [LIST] = {"SELECT ROW(ARRAY(SELECT ROW(" PACK_COLUMNS ")::edurange.pack_item"
              " FROM public.\"ChallengePack\" p ORDER BY p.name, p.id))::edurange.pack_page",
              {InvalidOid},
              .reads = true},
    [DETAILS] =
        {"SELECT ROW(" PACK_COLUMNS ", (SELECT " JSONB_OF(
             "m.manifest") " -> 'dependencies'"
                           "  FROM edurange.pack_manifest m WHERE m.pack_id = p.id),"
                           " ARRAY(SELECT ROW(c.id, c.name, c.description, c.difficulty::text, t.name,"
                           "  c.pack_challenge_id, c.cdf_version)::edurange.pack_challenge"
                           "  FROM public.\"Challenge\" c"
                           "  JOIN public.\"ChallengeType\" t ON t.id = c.\"challengeTypeId\""
                           "  WHERE c.pack_id = p.id ORDER BY c.name, c.id))::edurange.pack_detail"
                           " FROM public.\"ChallengePack\" p WHERE p.id = $1",
         {TEXTOID},
         .reads = true},
};

/* An installation: what is asked, and what came of it. */
typedef struct PackInstall
{
	PackFiles files;
	bool must_be_installed; /* it is an update */
	bool force;             /* older versions, and what others cannot do with, are taken, too */
	bool dry_run;
	char *installed_by; /* may be NULL, or nobody */
	const char *acting_user;
	bool created;
	bool changed;
	int counts[4]; /* challenges by ChallengeOutcome */
	StringInfoData challenges;
} PackInstall;

typedef enum ChallengeOutcome
{
	ADDED,
	CHANGED,
	UNCHANGED,
	REMOVED
} ChallengeOutcome;

static const char *const outcome_names[] = {"added", "changed", "unchanged", "removed"};

/* An older version does not replace a newer one. */
static void
check_version(const PackInstall *installation, const char *present)
{
	Version version;

	if (installation->force || !version_read(present, &version) ||
	    version_compare(&installation->files.parsed_version, &version) >= 0)
		return;
	raise_refusal(&(Refusal){
	    .error = EDURANGE_VERSION_DOWNGRADE,
	    .message = psprintf("version %s of pack \"%s\" is installed, which is newer than %s",
	                        present, installation->files.id, installation->files.version),
	    .hint = "Update the pack with force to go back to the older version.",
	});
}

/* The packs that are needed must be there, in a version that will do. */
static void
check_needed(const PackFiles *files)
{
	uint64 count = STATEMENT_RUN(&statements[NEEDED], value_jsonb(files->manifest));

	for (uint64 i = 0; i < count; i++)
	{
		char *id = row_text(i, 1);
		char *range = row_text(i, 2);
		char *present = row_text_or_null(i, 3);
		Version version;
		bool is_valid;

		if (present == NULL)
			raise_error(EDURANGE_DEPENDENCY_UNMET,
			            "pack \"%s\" needs pack \"%s\" (%s), which is not installed", files->id, id,
			            range);
		if (!version_read(present, &version) || !version_in_range(&version, range, &is_valid))
			raise_error(EDURANGE_DEPENDENCY_UNMET,
			            "pack \"%s\" needs pack \"%s\" (%s), of which version %s is installed",
			            files->id, id, range, present);
	}
}

/* The packs that need this one must be able to do with its new version. */
static void
check_needed_by(const PackInstall *installation)
{
	const PackFiles *files = &installation->files;
	uint64 count = STATEMENT_RUN(&statements[NEEDED_BY], value_text(files->id));
	bool is_valid;

	for (uint64 i = 0; i < count && !installation->force; i++)
		if (!version_in_range(&files->parsed_version, row_text(i, 2), &is_valid))
			raise_error(EDURANGE_PACK_IN_USE,
			            "pack \"%s\" needs pack \"%s\" (%s), which version %s is not",
			            row_text(i, 1), files->id, row_text(i, 2), files->version);
}

/* Locks the pack, judges what stands against the installation, and writes the pack's row. */
static void
write_pack(PackInstall *installation)
{
	PackFiles *files = &installation->files;

	(void) lock_take(LOCK_PACKS, 0, true);
	installation->created = STATEMENT_RUN(&statements[LOCK_PACK], value_text(files->id)) == 0;
	if (!installation->created)
		check_version(installation, row_text(0, 1));
	else if (installation->must_be_installed)
		raise_error(EDURANGE_PACK_NOT_FOUND, "pack \"%s\" is not installed", files->id);
	check_needed(files);
	if (!installation->created)
		check_needed_by(installation);
	installation->changed =
	    STATEMENT_RUN(&statements[WRITE_PACK], value_jsonb(files->manifest)) > 0;
	if (!installation->changed &&
	    (STATEMENT_RUN(&statements[LOCK_PACK], value_text(files->id)) == 0 ||
	     strcmp(row_text(0, 1), files->version) != 0))
		row_kept_out("public.\"ChallengePack\"");
}

/* Reports counts as a member of a JSON object. */
static void
report_counts(StringInfo out, const char *name, int32 total, const RowCounts *counts)
{
	appendStringInfo(out, ",\"%s\":{\"total\":%d,\"added\":%d,\"changed\":%d,\"removed\":%d}", name,
	                 total, counts->added, counts->changed, counts->removed);
}

/* Reports what became of a challenge; one that was removed has no file. */
static void
report_challenge(PackInstall *installation, const char *id, const char *path,
                 ChallengeOutcome outcome, const DocumentWrite *write)
{
	StringInfo out = &installation->challenges;

	installation->counts[outcome]++;
	if (outcome != UNCHANGED)
		installation->changed = true;
	appendStringInfo(out, "%s{\"id\":", out->len > 0 ? "," : "");
	escape_json(out, id);
	appendStringInfo(out, ",\"status\":\"%s\"", outcome_names[outcome]);
	if (path != NULL)
		appendStringInfo(out, ",%s", json_member("path", path));
	if (write != NULL)
	{
		report_counts(out, "questions", write->document->questions, &write->questions);
		report_counts(out, "app_configs", write->document->apps, &write->apps);
	}
	appendStringInfo(out, ",\"warnings\":%s}", write != NULL ? write->document->warnings : "[]");
}

/* Writes the challenges of the pack, each with statements of its own, which frees what they hold. */
static void
write_challenges(PackInstall *installation)
{
	for (int i = 0; i < installation->files.named; i++)
	{
		PackFile *file = &installation->files.files[i];
		DocumentWrite write = {
		    .document = &file->document,
		    .pack_id = installation->files.id,
		    .acting_user = installation->acting_user,
		};

		CHECK_FOR_INTERRUPTS();
		statements_begin();
		document_write(&write);
		statements_end();
		report_challenge(installation, file->document.challenge_id, file->path,
		                 write.created   ? ADDED
		                 : write.changed ? CHANGED
		                                 : UNCHANGED,
		                 &write);
	}
}

/* Lets the challenges go that are not to stay; their ids are left in the statement that ran last. */
static uint64
release(const char *pack_id, Datum *stay, int count)
{
	NullableDatum id = value_text(pack_id);
	NullableDatum kept = {
	    .value = PointerGetDatum(construct_array(stay, count, TEXTOID, -1, false, TYPALIGN_INT))};

	int64 others;
	uint64 released;

	STATEMENT_RUN(&statements[COUNT_OTHERS], id, kept);
	others = row_long(0, 1);
	released = STATEMENT_RUN(&statements[RELEASE_OTHERS], id, kept);
	if (released < others)
		row_kept_out("public.\"Challenge\"");
	return released;
}

/* Lets the challenges go that the new version does not have. */
static void
release_others(PackInstall *installation)
{
	PackFiles *files = &installation->files;
	Datum *ids = palloc(sizeof(Datum) * Max(files->named, 1));
	uint64 count;

	for (int i = 0; i < files->named; i++)
		ids[i] = CStringGetTextDatum(files->files[i].document.challenge_id);
	count = release(files->id, ids, files->named);
	for (uint64 i = 0; i < count; i++)
		report_challenge(installation, row_text(i, 1), NULL, REMOVED, NULL);
}

/* The entry in the log, by who installed or by the system's account. */
static void
log_installation(const PackInstall *installation)
{
	const PackFiles *files = &installation->files;

	activity_log(&(Activity){
	    .event_type = "CHALLENGE_PACK_INSTALLED",
	    .user_id = activity_subject(installation->installed_by),
	    .acting_user = installation->acting_user,
	    .metadata = psprintf("%s,%s,%s,\"added\":%d,\"changed\":%d,\"removed\":%d",
	                         json_member("packId", files->id), json_member("packName", files->name),
	                         json_member("version", files->version), installation->counts[ADDED],
	                         installation->counts[CHANGED], installation->counts[REMOVED]),
	});
}

static void
install(void *argument)
{
	PackInstall *installation = argument;
	const PackFiles *files = &installation->files;
	bool row_written;

	statements_begin();
	write_pack(installation);
	row_written = installation->changed;
	statements_end();
	write_challenges(installation);
	statements_begin();
	release_others(installation);
	if (STATEMENT_RUN(&statements[KEEP_MANIFEST], value_text(files->id),
	                  value_text(files->manifest_text)) > 0)
		installation->changed = true;
	if (installation->changed && !row_written)
		STATEMENT_RUN(&statements[TOUCH_PACK], value_text(files->id));
	if (installation->changed)
		log_installation(installation);
	statements_end();
}

/* A sentence for people. */
static char *
describe(const PackInstall *installation)
{
	const int *counts = installation->counts;
	const char *done = !installation->changed  ? "was installed already, nothing changed"
	                   : installation->created ? "installed"
	                                           : "updated";
	const char *mood = !installation->changed ? "" : installation->dry_run ? "would be " : "was ";

	return psprintf(
	    "pack \"%s\" %s %s%s (challenges: %d added, %d changed, %d unchanged, %d removed)",
	    installation->files.id, installation->files.version, mood, done, counts[ADDED],
	    counts[CHANGED], counts[UNCHANGED], counts[REMOVED]);
}

/* The answer. */
static Datum
installation_result(const PackInstall *installation)
{
	const PackFiles *files = &installation->files;
	StringInfoData out;
	Datum row;

	initStringInfo(&out);
	appendStringInfo(&out, "{\"status\":\"success\",%s,\"installed_count\":%d,\"skipped_count\":%d",
	                 json_member("message", describe(installation)), files->named,
	                 files->count - files->named);
	appendStringInfoString(&out, ",\"skipped_details\":[");
	for (int i = files->named; i < files->count; i++)
		appendStringInfo(&out, "%s{%s,\"reason\":\"the manifest does not name it\"}",
		                 i > files->named ? "," : "", json_member("path", files->files[i].path));
	appendStringInfo(&out, "],%s,%s,\"dry_run\":%s,\"changed\":%s,\"challenges\":[%s]}",
	                 json_member("packId", files->id), json_member("version", files->version),
	                 installation->dry_run ? "true" : "false",
	                 installation->changed ? "true" : "false", installation->challenges.data);
	statements_begin();
	STATEMENT_RUN(&statements[RESULT], value_text(out.data));
	row = only_result();
	statements_end();
	return row;
}

/* Who installs: the user that was named, or the one that the caller is bound to or acts for. */
static void
find_installer(PackInstall *installation, const Caller *caller)
{
	MemoryContext context = CurrentMemoryContext;
	Refusal refusal = {0};

	statements_begin();
	installation->acting_user = caller->acting_user;
	if (!caller_lists_user(caller, "installed_by", &installation->installed_by, &refusal))
		raise_refusal(&refusal);
	if (installation->installed_by == NULL && caller->acting_user != NULL)
		installation->installed_by = pstrdup(caller->acting_user);
	if (installation->installed_by != NULL)
		installation->installed_by = MemoryContextStrdup(context, installation->installed_by);
	statements_end();
}

static Datum
run_installation(FunctionCallInfo fcinfo, const Caller *caller, PackInstall *installation)
{
	find_installer(installation, caller);
	pack_files_read(&installation->files, fcinfo);
	initStringInfo(&installation->challenges);
	if (installation->dry_run)
		in_subtransaction(install, installation, false);
	else
		install(installation);
	return installation_result(installation);
}

static Datum
pack_install(FunctionCallInfo fcinfo, const Caller *caller)
{
	PackInstall installation = {
	    .dry_run = optional_flag(fcinfo, 3),
	    .installed_by = optional_text(fcinfo, 4),
	};

	return run_installation(fcinfo, caller, &installation);
}

SQL_FUNCTION_OF(edurange_pack_install, PACK_BYTES)
{
	return mutate(fcinfo, pack_install);
}

static Datum
pack_update(FunctionCallInfo fcinfo, const Caller *caller)
{
	PackInstall installation = {
	    .must_be_installed = true,
	    .force = optional_flag(fcinfo, 3),
	    .dry_run = optional_flag(fcinfo, 4),
	    .installed_by = optional_text(fcinfo, 5),
	};

	return run_installation(fcinfo, caller, &installation);
}

SQL_FUNCTION_OF(edurange_pack_update, PACK_BYTES)
{
	return mutate(fcinfo, pack_update);
}

/* The ids in the first column of all rows, for a message. */
static char *
listed(uint64 count)
{
	StringInfoData out;

	initStringInfo(&out);
	for (uint64 i = 0; i < count; i++)
		appendStringInfo(&out, "%s\"%s\"", i > 0 ? ", " : "", row_text(i, 1));
	return out.data;
}

static Datum
pack_uninstall(FunctionCallInfo fcinfo, const Caller *caller)
{
	char *id = required_text(fcinfo, 0, "pack_id");
	uint64 count;

	statements_begin();
	(void) lock_take(LOCK_PACKS, 0, true);
	if (STATEMENT_RUN(&statements[LOCK_PACK], value_text(id)) == 0)
		raise_error(EDURANGE_PACK_NOT_FOUND, "pack \"%s\" is not installed", id);
	count = STATEMENT_RUN(&statements[NEEDED_BY], value_text(id));
	if (count > 0)
		raise_error(EDURANGE_PACK_IN_USE, "pack \"%s\" is needed by %s", id, listed(count));
	count = release(id, NULL, 0);
	STATEMENT_RUN(&statements[FORGET_MANIFEST], value_text(id));
	STATEMENT_RUN(&statements[DELETE_PACK], value_text(id));
	statements_end();
	return composite_result(
	    fcinfo,
	    (NullableDatum[]){
	        value_text("success"),
	        value_text(psprintf("pack \"%s\" was uninstalled; its challenges stay", id)),
	        value_text(id), value_int((int32) count)},
	    4);
}

SQL_FUNCTION(edurange_pack_uninstall)
{
	return mutate(fcinfo, pack_uninstall);
}

SQL_FUNCTION(edurange_pack_list)
{
	Datum row;

	caller_check(fcinfo);
	statements_begin();
	statement_run(&statements[LIST], NULL, 0);
	row = only_result();
	statements_end();
	return row;
}

SQL_FUNCTION(edurange_pack_details)
{
	char *id = required_text(fcinfo, 0, "pack_id");
	Datum row;

	caller_check(fcinfo);
	statements_begin();
	if (STATEMENT_RUN(&statements[DETAILS], value_text(id)) == 0)
		raise_error(EDURANGE_PACK_NOT_FOUND, "pack \"%s\" is not installed", id);
	row = only_result();
	statements_end();
	return row;
}
