/*
 * pack_parts.c
 *	  A pack that came as one JSON object or as an archive, taken apart into the texts that
 *	  pack_install() takes.
 *
 * The type json keeps how every value is written, so each document comes out to the byte.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "base/arguments.h"
#include "base/json_text.h"
#include "base/refusal.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "packs/pack_archive.h"

typedef enum StatementId
{
	MEMBERS,
	CHALLENGES,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* (what nobody knows is there without its value) */
    [MEMBERS] = {"SELECT key, CASE WHEN key IN ('manifest', 'challenges', 'dry_run', 'dryRun',"
                 " 'force') THEN value::text END, json_typeof(value) FROM json_each($1::json)",
                 {TEXTOID},
                 .reads = true},
    /*
     * The list $1, whose elements are documents or have a path and a document; what has no path of its
     * own has the one that the manifest $2 names in its place.
     */
    [CHALLENGES] =
        {"SELECT coalesce(array_agg(coalesce(p.path, named.path) ORDER BY n), '{}'),"
         " coalesce(array_agg(coalesce(p.document, e.value::text) ORDER BY n), '{}'),"
         " coalesce(bool_and(json_typeof(e.value) = 'object'), true),"
         " coalesce(bool_or(p.members > 2), false),"
         " coalesce(bool_and(coalesce(p.path, named.path) IS NOT NULL), true), min(p.other),"
         " coalesce(bool_and(p.has_text), true)"
         " FROM json_array_elements($1::json) WITH ORDINALITY AS e (value, n)"
         " LEFT JOIN json_array_elements_text(CASE json_typeof($2::json -> 'challenges')"
         "  WHEN 'array' THEN $2::json -> 'challenges' ELSE '[]' END)"
         "  WITH ORDINALITY AS named (path, n) USING (n)"
         " LEFT JOIN LATERAL (SELECT count(*) FILTER (WHERE m.key IN ('path', 'document')) AS members,"
         "  min(m.value #>> '{}') FILTER (WHERE m.key = 'path') AS path,"
         "  min(m.value::text) FILTER (WHERE m.key = 'document') AS document,"
         "  min(m.key) FILTER (WHERE m.key NOT IN ('path', 'document')) AS other,"
         "  bool_and(json_typeof(m.value) = 'string') FILTER (WHERE m.key = 'path') AS has_text"
         "  FROM json_each(CASE json_typeof(e.value) WHEN 'object' THEN e.value"
         "   ELSE '{}' END) AS m"
         "  HAVING count(DISTINCT m.key) FILTER (WHERE m.key IN ('path', 'document')) = 2) AS p"
         " ON true",
         {TEXTOID, TEXTOID},
         .reads = true},
};

#define LONGEST_NAME 60 /* of a member that is repeated in a message, in bytes */
#define FIRST_LIST 3    /* of an archive's three: an argument */

/* The members of the object that mean something. */
typedef enum Member
{
	MANIFEST,
	CHALLENGE_LIST,
	DRY_RUN,
	FORCE,
	MEMBER_COUNT
} Member;

static const struct
{
	const char *name;
	const char *alias;
	const char *type; /* as json_typeof() says it ... */
	const char *said; /* ... and for people */
} known[MEMBER_COUNT] = {
    [MANIFEST] = {"manifest", NULL, "object", "an object"},
    [CHALLENGE_LIST] = {"challenges", NULL, "array", "a list"},
    [DRY_RUN] = {"dry_run", "dryRun", "boolean", "true or false"},
    [FORCE] = {"force", NULL, "boolean", "true or false"},
};

/* The members of one object: what they are, and how the object spells their names. */
typedef struct Members
{
	char *values[MEMBER_COUNT];
	const char *names[MEMBER_COUNT];
} Members;

/* What nobody knows is refused: a dry run whose name is mistyped would install. */
static _Noreturn void
raise_unknown(const char *within, const char *name)
{
	int length = (int) strlen(name);

	raise_error(EDURANGE_INVALID_PARAMETER, "%s has the member \"%s%s\", which means nothing",
	            within, pnstrdup(name, pg_mbcliplen(name, length, LONGEST_NAME)),
	            length > LONGEST_NAME ? "..." : "");
}

static Member
find_member(const char *name)
{
	for (int i = 0; i < MEMBER_COUNT; i++)
		if (strcmp(known[i].name, name) == 0 ||
		    (known[i].alias != NULL && strcmp(known[i].alias, name) == 0))
			return (Member) i;
	raise_unknown("a pack in JSON", name);
}

/* Finds the members by their names; a null is as none, unless the member must be there. */
static void
read_members(const char *envelope, Members *members)
{
	uint64 count = STATEMENT_RUN(&statements[MEMBERS], value_text(envelope));

	for (uint64 i = 0; i < count; i++)
	{
		const char *name = row_text(i, 1);
		Member member = find_member(name);
		const char *type = row_text(i, 3);

		if (members->values[member] != NULL)
			raise_error(EDURANGE_INVALID_JSON, "parameter \"%s\" is given more than once", name);
		if (strcmp(type, "null") == 0 && member >= DRY_RUN)
			continue;
		if (strcmp(type, known[member].type) != 0)
			raise_error(EDURANGE_INVALID_TYPE, "parameter \"%s\" must be %s", name,
			            known[member].said);
		members->names[member] = name;
		members->values[member] = row_text(i, 2);
	}
	for (int i = MANIFEST; i <= CHALLENGE_LIST; i++)
		if (members->values[i] == NULL)
			raise_error(EDURANGE_MISSING_PARAMETER, "parameter \"%s\" is required", known[i].name);
}

/* A parameter that may be given beside the object or as a member of it. */
static NullableDatum
choose(FunctionCallInfo fcinfo, int argument, Member member, const Members *members)
{
	if (members->values[member] == NULL)
		return fcinfo->args[argument];
	if (!PG_ARGISNULL(argument))
		raise_error(EDURANGE_INVALID_PARAMETER, "parameter \"%s\" is given more than once",
		            members->names[member]);
	return value_bool(strcmp(members->values[member], "true") == 0);
}

/* Takes the object apart into its members and the first three parts. */
static void
read_envelope(const char *envelope, Members *members, NullableDatum parts[3])
{
	Refusal refusal = {0};
	char *unknown;

	if (!json_text_check(envelope, &refusal))
		raise_refusal(&refusal);
	envelope = json_text_begin(envelope);
	if (envelope[strspn(envelope, " \t\r\n")] != '{')
		raise_error(EDURANGE_INVALID_JSON,
		            "a pack in JSON must be a JSON object, with manifest and challenges");
	read_members(envelope, members);
	STATEMENT_RUN(&statements[CHALLENGES], value_text(members->values[CHALLENGE_LIST]),
	              value_text(members->values[MANIFEST]));
	if (!row_bool(0, 3))
		raise_error(EDURANGE_INVALID_TYPE,
		            "parameter \"challenges\" must be a list of documents, or of objects with "
		            "path and document");
	if (row_bool(0, 4))
		raise_error(EDURANGE_INVALID_JSON,
		            "parameter \"challenges\" has an element with two paths or documents");
	if (!row_bool(0, 7))
		raise_error(EDURANGE_INVALID_TYPE,
		            "parameter \"challenges\" has an element whose path is no text");
	if (!row_bool(0, 5))
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"challenges\" has more documents than the manifest names");
	unknown = row_text_or_null(0, 6);
	if (unknown != NULL)
		raise_unknown("an element of parameter \"challenges\"", unknown);
	for (int i = 0; i < 2; i++)
		parts[1 + i] = row_result(0, 1 + i, TEXTARRAYOID);
	/* what was made with statements open goes with them */
	parts[0] = value_text(members->values[MANIFEST]);
	parts[0].value = SPI_datumTransfer(parts[0].value, false, -1);
}

SQL_FUNCTION_OF(edurange_pack_parts, PACK_BYTES)
{
	char *envelope = optional_text(fcinfo, 0);
	Members members = {0};
	NullableDatum parts[] = {value_null(), value_null(), value_null(), value_null(), value_null()};

	if (envelope != NULL && !PG_ARGISNULL(FIRST_LIST))
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"names\" must not be given beside \"envelope\"");
	if (!PG_ARGISNULL(FIRST_LIST))
		pack_archive_read(fcinfo, FIRST_LIST, parts);
	statements_begin();
	if (envelope != NULL)
		read_envelope(envelope, &members, parts);
	parts[3] = choose(fcinfo, 1, DRY_RUN, &members);
	parts[4] = choose(fcinfo, 2, FORCE, &members);
	statements_end();
	return composite_result(fcinfo, parts, lengthof(parts));
}
