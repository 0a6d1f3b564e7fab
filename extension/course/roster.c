/*
 * roster.c
 *	  The roster of a competition, imported from a file.
 *
 * An import looks for the users of all rows first, then writes the rows, in pieces whose memory goes with them; before
 * it begins it takes the lock that whoever makes users waits for, and then everything in the order of calls/locks.h.
 * What is wrong with a row is said of it, and hurts no other.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/arguments.h"
#include "base/ids.h"
#include "base/progress.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/idempotency.h"
#include "calls/locks.h"
#include "course/course.h"
#include "course/roster_file.h"
#include "course/users.h"
#include "game/activity.h"
#include "game/competitions.h"
#include "game/rosters.h"

#define PIECE 500 /* rows */
#define CODE_TRIES 10

/* Ends a subquery that is run for each element of a list: by its key, where a join that is planned early would scan. */
#define EACH " OFFSET 0"

typedef enum StatementId
{
	FIND_USERS,
	HOLD_USERS,
	MAKE_USERS,
	KNOWN,
	OTHER_ROWS,
	USABLE_CODES,
	WITHDRAW_CODES,
	MAKE_CODES,
	INSERT_MEMBERS,
	COUNT_MEMBERS,
	KEEP,
	RESULT,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /*
	 * These take a list and return numbers in it.  Columns of tables are named with the table: one that is gone must not
	 * be taken for the list's of the same name.
	 */
    [FIND_USERS] = {"SELECT w.n, u.id FROM unnest($1) WITH ORDINALITY AS w (email, n),"
                    " LATERAL (SELECT x.id FROM public.\"User\" x WHERE " EMAIL_KEY(
                        "x.email") " = w.email" EACH " FOR KEY SHARE) AS u",
                    {TEXTARRAYOID},
                    .by_key = true},
    [HOLD_USERS] = {"SELECT w.n, u.id FROM unnest($1) WITH ORDINALITY AS w (id, n),"
                    " LATERAL (SELECT x.id FROM public.\"User\" x WHERE x.id = w.id" EACH
                    " FOR KEY SHARE) AS u",
                    {TEXTARRAYOID},
                    .by_key = true},
    /* What of the addresses $2 is in the roster. */
    [KNOWN] = {"SELECT w.n, r.user_id, r.code FROM unnest($2) WITH ORDINALITY AS w (email, n),"
               " LATERAL (SELECT x.user_id, x.code FROM edurange.roster x"
               "  WHERE x.group_id = $1 AND x.email = w.email" EACH ") AS r",
               {TEXTOID, TEXTARRAYOID},
               .by_key = true},
    /* Which of the users $2 are in the roster by another address than $3. */
    [OTHER_ROWS] = {"SELECT w.n, r.email FROM unnest($2, $3) WITH ORDINALITY AS w (id, email, n),"
                    " LATERAL (SELECT x.email FROM edurange.roster x WHERE x.user_id = w.id"
                    "  AND x.group_id" OF("$1") " AND x.email <> w.email" EACH ") AS r",
                    {TEXTOID, TEXTARRAYOID, TEXTARRAYOID},
                    .newest = true,
                    .by_key = true},
    [USABLE_CODES] = {"SELECT w.n FROM unnest($2) WITH ORDINALITY AS w (code, n),"
                      " LATERAL (SELECT 1 FROM public.\"CompetitionAccessCode\" x"
                      "  WHERE x.code = w.code AND x.\"groupId\"" OF(
                          "$1") " AND x.\"usedCount\" = 0" EACH " FOR KEY SHARE) AS c",
                      {TEXTOID, TEXTARRAYOID},
                      .by_key = true},
    /* $1 ids, $2 names, $3 addresses */
    [MAKE_USERS] =
        {"INSERT INTO public.\"User\" (id, name, email, role, \"createdAt\","
         " \"updatedAt\") SELECT w.id, w.name, w.email, 'STUDENT'::public.\"UserRole\", now, now"
         " FROM unnest($1, $2, $3) AS w (id, name, email), " CLOCK_ROW,
         {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID}},
    [WITHDRAW_CODES] = {"DELETE FROM public.\"CompetitionAccessCode\" WHERE ctid = ANY (ARRAY("
                        " SELECT c.ctid FROM unnest($2) AS w (code),"
                        " LATERAL (SELECT x.ctid FROM public.\"CompetitionAccessCode\" x"
                        "  WHERE x.code = w.code AND x.\"groupId\"" OF(
                            "$1") " AND x.\"usedCount\" = 0" EACH "  FOR UPDATE) AS c))",
                        {TEXTOID, TEXTARRAYOID},
                        .by_key = true},
    /* $1 competition, $2 ids, $3 codes, $4 who makes them */
    [MAKE_CODES] = {"WITH made AS (INSERT INTO public.\"CompetitionAccessCode\""
                    "  (id, code, \"maxUses\", \"usedCount\", \"groupId\", \"createdBy\","
                    "   \"createdAt\")"
                    "  SELECT w.id, w.code, 1, 0, $1, $4, " UTC_CLOCK
                    "  FROM unnest($2, $3) AS w (id, code) ON CONFLICT (code) DO NOTHING"
                    "  RETURNING id)"
                    " SELECT w.n FROM unnest($2) WITH ORDINALITY AS w (id, n) JOIN made USING (id)",
                    {TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TEXTOID}},
    [INSERT_MEMBERS] =
        {"WITH made AS (INSERT INTO public.\"_GroupMembers\" (\"A\", \"B\")"
         "  SELECT $1, w.id FROM unnest($2) AS w (id) ORDER BY w.id"
         "  ON CONFLICT (\"A\", \"B\") DO NOTHING RETURNING \"B\" AS id)"
         " SELECT w.n FROM unnest($2) WITH ORDINALITY AS w (id, n) JOIN made USING (id)",
         {TEXTOID, TEXTARRAYOID}},
    [COUNT_MEMBERS] = {"SELECT count(*) FROM unnest($2) AS w (id),"
                       " LATERAL (SELECT 1 FROM public.\"_GroupMembers\" x"
                       "  WHERE x.\"A\" = $1 AND x.\"B\" = w.id" EACH ") AS m",
                       {TEXTOID, TEXTARRAYOID},
                       .by_key = true},
    /*
	 * $2 addresses, $3 names, $4 external ids, $5 login ids, $6 sections, $7 users, $8 codes, $9 lines; $10 to $13
	 * which of the columns the file has.  Who completed a row meanwhile stays.
	 */
    [KEEP] = {"INSERT INTO edurange.roster AS r (group_id, email, name, external_id, login_id,"
              " section, user_id, code, line, imported_at)"
              " SELECT $1, w.*, clock_timestamp()"
              " FROM unnest($2, $3, $4, $5, $6, $7, $8, $9::integer[]) AS w"
              " ON CONFLICT (group_id, email) DO UPDATE SET"
              " name = CASE WHEN $10 THEN excluded.name ELSE r.name END,"
              " external_id = CASE WHEN $11 THEN excluded.external_id ELSE r.external_id END,"
              " login_id = CASE WHEN $12 THEN excluded.login_id ELSE r.login_id END,"
              " section = CASE WHEN $13 THEN excluded.section ELSE r.section END,"
              " user_id = coalesce(r.user_id, excluded.user_id),"
              " code = CASE WHEN r.user_id IS NULL THEN excluded.code ELSE r.code END,"
              " line = excluded.line, imported_at = excluded.imported_at",
              {TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
               TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, BOOLOID, BOOLOID, BOOLOID, BOOLOID},
              .by_key = true,
              .must_write = true},
    /* $8 lines, $9 messages */
    [RESULT] = {"SELECT ROW($1, $2, $3, $4, $5, $6, $7, coalesce((SELECT array_agg("
                " ROW(e.line::integer, e.message)::edurange.roster_error ORDER BY e.line::integer)"
                " FROM unnest($8, $9) AS e (line, message)), '{}'))::edurange.roster_import",
                {BOOLOID, INT4OID, INT4OID, INT4OID, INT4OID, INT4OID, INT4OID, TEXTARRAYOID,
                 TEXTARRAYOID}},
};

/* An import, and what it has done. */
typedef struct Import
{
	const Caller *caller;
	const char *group_id;
	bool dry_run;
	bool make_users;
	char *creator; /* of codes */
	RosterFile file;
	MemoryContext context; /* that of the file */
	int32 already_members;
	int32 members_added;
	int32 users_made;
	int32 waiting;
	int32 codes_made;
	int32 refused;
} Import;

/* A piece of the rows, of which nothing is wrong so far. */
typedef struct Piece
{
	RosterRow *rows[PIECE];
	int count;
} Piece;

/* Texts of rows as a list for a statement, and the rows that they are of. */
typedef struct RowList
{
	RosterRow *rows[PIECE];
	char *texts[PIECE];
	int count;
} RowList;

static void
add(RowList *list, RosterRow *row, char *text)
{
	list->rows[list->count] = row;
	list->texts[list->count++] = text;
}

static NullableDatum
value_list(RowList *list)
{
	return value_texts(list->texts, list->count);
}

/* The row that a number in the first column of a result means. */
static RosterRow *
row_of(const RowList *list, uint64 result)
{
	return list->rows[row_long(result, 1) - 1];
}

static char *
keep(const Import *import, const char *text)
{
	return text == NULL ? NULL : MemoryContextStrdup(import->context, text);
}

static RowList
addresses(const Piece *piece)
{
	RowList list = {.count = 0};

	for (int i = 0; i < piece->count; i++)
		add(&list, piece->rows[i], piece->rows[i]->key);
	return list;
}

/* Finds who the rows are: whoever completed them, else the user of the address. */
static void
find_users(Import *import, const Piece *piece)
{
	RowList list = addresses(piece);
	RowList known = {.count = 0};
	uint64 count = STATEMENT_RUN(&statements[FIND_USERS], value_list(&list));

	for (uint64 i = 0; i < count; i++)
	{
		RosterRow *row = row_of(&list, i);

		if (row->user_id != NULL)
			row->problem = keep(import, "several users have the address");
		row->user_id = keep(import, row_text(i, 2));
	}
	check_users_seen(value_list(&list), count);
	count = STATEMENT_RUN(&statements[KNOWN], value_text(import->group_id), value_list(&list));
	for (uint64 i = 0; i < count; i++)
		if (row_text_or_null(i, 2) != NULL)
			add(&known, row_of(&list, i), row_text(i, 2));
	if (known.count == 0)
		return;
	count = STATEMENT_RUN(&statements[HOLD_USERS], value_list(&known));
	for (uint64 i = 0; i < count; i++)
	{
		row_of(&known, i)->user_id = keep(import, row_text(i, 2));
		row_of(&known, i)->problem = NULL;
	}
}

/* Makes users for the rows that have none. */
static void
make_users(Import *import, const Piece *piece)
{
	RowList ids = {.count = 0}, names = {.count = 0}, emails = {.count = 0};

	for (int i = 0; i < piece->count; i++)
	{
		RosterRow *row = piece->rows[i];

		if (row->user_id != NULL)
			continue;
		row->user_id = keep(import, new_id());
		row->new_user = true;
		add(&ids, row, row->user_id);
		add(&names, row, row->values[ROSTER_NAME]);
		add(&emails, row, row->values[ROSTER_EMAIL]);
	}
	if (ids.count == 0)
		return;
	if (STATEMENT_RUN(&statements[MAKE_USERS], value_list(&ids), value_list(&names),
	                  value_list(&emails)) < ids.count)
		row_kept_out("public.\"User\"");
	activity_log_each(
	    &(Activity){.event_type = "USER_REGISTERED", .acting_user = import->caller->acting_user},
	    ids.texts, ids.count);
	import->users_made += ids.count;
}

/* A user stands in the roster once. */
static void
find_other_rows(Import *import, const Piece *piece)
{
	RowList emails = addresses(piece);
	RowList users = {.count = 0};
	uint64 count;

	for (int i = 0; i < piece->count; i++)
		add(&users, piece->rows[i], piece->rows[i]->user_id);
	count = STATEMENT_RUN(&statements[OTHER_ROWS], value_text(import->group_id), value_list(&users),
	                      value_list(&emails));
	for (uint64 i = 0; i < count; i++)
		row_of(&users, i)->problem = keep(
		    import, psprintf("the user of the address is in the roster as %s", row_text(i, 2)));
}

/* What the roster has of the rows by now. */
static void
find_rows(Import *import, const Piece *piece)
{
	RowList list = addresses(piece);
	uint64 count =
	    STATEMENT_RUN(&statements[KNOWN], value_text(import->group_id), value_list(&list));

	for (uint64 i = 0; i < count; i++)
	{
		RosterRow *row = row_of(&list, i);
		char *user_id = row_text_or_null(i, 2);

		row->waits = user_id == NULL;
		row->code = keep(import, row_text_or_null(i, 3));
		/* who joined with its code while a user was made for it was first */
		if (row->new_user && user_id != NULL && strcmp(user_id, row->user_id) != 0)
		{
			row->user_id = keep(import, user_id);
			row->new_user = false;
		}
	}
	find_other_rows(import, piece);
}

/* Takes back the codes of rows that waited and do not any more. */
static void
withdraw_codes(Import *import, const Piece *piece)
{
	RowList list = {.count = 0};

	for (int i = 0; i < piece->count; i++)
	{
		RosterRow *row = piece->rows[i];

		if (row->problem != NULL || row->user_id == NULL || !row->waits || row->code == NULL)
			continue;
		add(&list, row, row->code);
		row->code = NULL;
	}
	if (list.count == 0)
		return;
	STATEMENT_RUN(&statements[WITHDRAW_CODES], value_text(import->group_id), value_list(&list));
	if (STATEMENT_RUN(&statements[USABLE_CODES], value_text(import->group_id), value_list(&list)) >
	    0)
		row_kept_out("public.\"CompetitionAccessCode\"");
}

/* Gives codes to those rows of the list that have none; another one where a code is somebody else's. */
static void
make_codes(Import *import, const RowList *waiting)
{
	for (int tries = 0;; tries++)
	{
		RowList ids = {.count = 0};
		RowList codes = {.count = 0};
		uint64 count;

		for (int i = 0; i < waiting->count; i++)
			if (waiting->rows[i]->code == NULL)
			{
				add(&ids, waiting->rows[i], new_id());
				add(&codes, waiting->rows[i], competition_random_code());
			}
		if (ids.count == 0)
			return;
		if (tries == CODE_TRIES)
			row_kept_out("public.\"CompetitionAccessCode\"");
		count = STATEMENT_RUN(&statements[MAKE_CODES], value_text(import->group_id),
		                      value_list(&ids), value_list(&codes), value_text(import->creator));
		for (uint64 i = 0; i < count; i++)
			row_of(&codes, i)->code = keep(import, codes.texts[row_long(i, 1) - 1]);
		import->codes_made += (int32) count;
	}
}

/* Sees to it that each row without a user has a code that can be used. */
static void
give_codes(Import *import, const Piece *piece)
{
	RowList waiting = {.count = 0}, had = {.count = 0};
	uint64 count;

	for (int i = 0; i < piece->count; i++)
	{
		RosterRow *row = piece->rows[i];

		if (row->problem != NULL || row->user_id != NULL)
			continue;
		add(&waiting, row, NULL);
		if (row->code != NULL)
			add(&had, row, row->code);
		row->code = NULL;
	}
	count =
	    STATEMENT_RUN(&statements[USABLE_CODES], value_text(import->group_id), value_list(&had));
	for (uint64 i = 0; i < count; i++)
		row_of(&had, i)->code = had.texts[row_long(i, 1) - 1];
	make_codes(import, &waiting);
	import->waiting += waiting.count;
}

/* Makes the users of rows members; a trigger may have let in those that were made. */
static void
add_members(Import *import, const Piece *piece)
{
	RowList users = {.count = 0}, joined = {.count = 0};
	uint64 count;

	for (int i = 0; i < piece->count; i++)
		if (piece->rows[i]->problem == NULL && piece->rows[i]->user_id != NULL)
			add(&users, piece->rows[i], piece->rows[i]->user_id);
	if (users.count == 0)
		return;
	count = STATEMENT_RUN(&statements[INSERT_MEMBERS], value_text(import->group_id),
	                      value_list(&users));
	for (uint64 i = 0; i < count; i++)
		row_of(&users, i)->joins = true;
	STATEMENT_RUN(&statements[COUNT_MEMBERS], value_text(import->group_id), value_list(&users));
	if (row_long(0, 1) < users.count)
		row_kept_out("public.\"_GroupMembers\"");
	/* somebody who joined while we waited may have completed another row; once they are members they complete none */
	find_other_rows(import, piece);
	for (int i = 0; i < users.count; i++)
	{
		RosterRow *row = users.rows[i];

		if (row->joins)
			add(&joined, row, row->user_id);
		if (row->problem == NULL)
			*(row->joins || row->new_user ? &import->members_added : &import->already_members) += 1;
	}
	if (joined.count > 0)
		activity_log_each(&(Activity){.event_type = "GROUP_JOINED",
		                              .group_id = import->group_id,
		                              .acting_user = import->caller->acting_user,
		                              .metadata = "\"roster\":true"},
		                  joined.texts, joined.count);
}

/* Writes the rows. */
static void
keep_rows(Import *import, const Piece *piece)
{
	RowList columns[ROSTER_COLUMNS] = {0};
	RowList users = {.count = 0}, codes = {.count = 0}, lines = {.count = 0};
	const bool *has = import->file.has;

	for (int i = 0; i < piece->count; i++)
	{
		RosterRow *row = piece->rows[i];

		if (row->problem != NULL)
			continue;
		add(&columns[ROSTER_EMAIL], row, row->key);
		for (int column = ROSTER_NAME; column < ROSTER_COLUMNS; column++)
			add(&columns[column], row, row->values[column]);
		add(&users, row, row->user_id);
		add(&codes, row, row->code);
		add(&lines, row, psprintf("%d", row->line));
	}
	if (users.count == 0)
		return;
	STATEMENT_RUN(&statements[KEEP], value_text(import->group_id),
	              value_list(&columns[ROSTER_EMAIL]), value_list(&columns[ROSTER_NAME]),
	              value_list(&columns[ROSTER_EXTERNAL_ID]), value_list(&columns[ROSTER_LOGIN_ID]),
	              value_list(&columns[ROSTER_SECTION]), value_list(&users), value_list(&codes),
	              value_list(&lines), value_bool(has[ROSTER_NAME]),
	              value_bool(has[ROSTER_EXTERNAL_ID]), value_bool(has[ROSTER_LOGIN_ID]),
	              value_bool(has[ROSTER_SECTION]));
}

static void
people_of_piece(Import *import, const Piece *piece)
{
	find_users(import, piece);
	if (import->make_users)
		make_users(import, piece);
}

static void
rows_of_piece(Import *import, const Piece *piece)
{
	find_rows(import, piece);
	withdraw_codes(import, piece);
	give_codes(import, piece);
	add_members(import, piece);
	keep_rows(import, piece);
}

/* Does something for all rows of which nothing is wrong, a piece at a time. */
static void
for_pieces(Import *import, void (*work)(Import *import, const Piece *piece), const char *what)
{
	RosterFile *file = &import->file;
	Piece *piece = palloc(sizeof(Piece));

	for (int i = 0; i < file->count;)
	{
		CHECK_FOR_INTERRUPTS();
		progress_report("edurange.import_roster()", what, i, file->count);
		for (piece->count = 0; i < file->count && piece->count < PIECE; i++)
			if (file->rows[i].problem == NULL)
				piece->rows[piece->count++] = &file->rows[i];
		statements_begin();
		work(import, piece);
		statements_end();
	}
	progress_end();
	pfree(piece);
}

/* Finds in whose name codes are made, and holds the competition. */
static void
hold_competition(Import *import)
{
	Refusal refusal = {0};

	statements_begin();
	import->creator = keep(import, course_subject(import->caller));
	if (!lock_competition(import->group_id, &refusal))
		raise_refusal(&refusal);
	statements_end();
}

static void
run_import(void *argument)
{
	Import *import = argument;

	rosters_hold_for_writing();
	for_pieces(import, people_of_piece, "looking for users");
	hold_competition(import);
	for_pieces(import, rows_of_piece, "writing rows");
	for (int i = 0; i < import->file.count; i++)
		import->refused += import->file.rows[i].problem != NULL;
	statements_begin();
	activity_log(&(Activity){
	    .event_type = "GROUP_UPDATED",
	    .user_id = import->creator,
	    .group_id = import->group_id,
	    .acting_user = import->caller->acting_user,
	    .metadata = psprintf("\"rosterRows\":%d,\"membersAdded\":%d,\"usersMade\":%d,"
	                         "\"codesMade\":%d",
	                         import->file.count - import->refused, import->members_added,
	                         import->users_made, import->codes_made),
	});
	statements_end();
}

static Datum
import_result(const Import *import)
{
	const RosterFile *file = &import->file;
	char **lines = palloc(sizeof(char *) * Max(import->refused, 1));
	char **messages = palloc(sizeof(char *) * Max(import->refused, 1));
	int count = 0;
	Datum row;

	for (int i = 0; i < file->count; i++)
		if (file->rows[i].problem != NULL)
		{
			lines[count] = psprintf("%d", file->rows[i].line);
			messages[count++] = file->rows[i].problem;
		}
	statements_begin();
	STATEMENT_RUN(&statements[RESULT], value_bool(import->dry_run), value_int(file->count),
	              value_int(import->already_members), value_int(import->members_added),
	              value_int(import->users_made), value_int(import->waiting),
	              value_int(import->codes_made), value_texts(lines, count),
	              value_texts(messages, count));
	row = only_result();
	statements_end();
	return row;
}

static Datum
import_roster(FunctionCallInfo fcinfo, const Caller *caller)
{
	Import import = {
	    .caller = caller,
	    .group_id = required_text(fcinfo, 0, "group_id"),
	    .dry_run = optional_flag(fcinfo, 2),
	    .make_users = optional_flag(fcinfo, 3),
	    .context = CurrentMemoryContext,
	};
	Refusal refusal = {0};

	if (import.make_users && (caller->bound_user != NULL || caller->bound_instance != NULL))
		raise_error(EDURANGE_FORBIDDEN, "a bound token makes no users");
	roster_file_read(&import.file, required_text(fcinfo, 1, "csv"));
	statements_begin();
	if (!course_find(caller, import.group_id, &refusal))
		raise_refusal(&refusal);
	statements_end();
	if (import.dry_run)
		in_subtransaction(run_import, &import, false);
	else
		run_import(&import);
	return import_result(&import);
}

SQL_FUNCTION_OF(edurange_import_roster, ROSTER_BYTES)
{
	return mutate(fcinfo, import_roster);
}
