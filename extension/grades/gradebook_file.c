/*
 * gradebook_file.c
 *	  The book of grades as a file: for a spreadsheet, for Canvas, for Moodle.
 *
 * Canvas takes a line for each student with a column for each item, and a second line with the points possible.  It
 * finds students by the ids of the roster, and by name where there are none; it takes digits in parentheses at the end
 * of a title for an id of its own, and words of its own columns for those.  Moodle takes percent of what an item is
 * worth, unless it is asked for points, and nothing above what is possible.
 *
 * No cell begins as a formula does: programs that open such a file would run it, and names are the students' to choose.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"

#include "base/arguments.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "grades/gradebook.h"

#define PIECE_BYTES 65536 /* a file comes in pieces of about that size */
#define FIRST_ROOM 64
#define END_OF_LINE "\r\n"

typedef enum Format
{
	FORMAT_CSV,
	FORMAT_CANVAS,
	FORMAT_MOODLE,
	FORMAT_COUNT
} Format;

static const char *const formats[FORMAT_COUNT] = {"csv", "canvas", "moodle"};

/* A file that is written. */
typedef struct Sheet
{
	Format format;
	bool in_points; /* Moodle: not in percent */
	ReturnSetInfo *result;
	char *name;          /* of the file; NULL: it was said */
	MemoryContext cells; /* what is needed for a line or a few */
	StringInfoData text; /* what is not in the result yet */
	HTAB *titles;        /* of the columns so far: Title */

	/* what is counted before the first line is written */
	int64 corrected; /* members who have points that no item accounts for */
	int64 nameless;  /* members whom the system that reads it finds by name, or not at all */
	int64 left_out;
} Sheet;

/* A column's title, in whichever case; that two have the same hash costs the second a number behind it. */
typedef struct Title
{
	uint64 hash;
	int copies; /* the highest number that was tried behind it */
} Title;

typedef enum StatementId
{
	NAME,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    [NAME] = {"SELECT name FROM public.\"CompetitionGroup\" WHERE id = $1",
              {TEXTOID},
              .reads = true,
              .by_key = true},
};

/* A text on one line, its control characters as spaces. */
static char *
one_line(const char *text)
{
	char *line = pstrdup(text);

	for (char *at = line; *at != '\0'; at++)
		if ((unsigned char) *at < ' ' || *at == 0x7f)
			*at = ' ';
	return line;
}

static void
begin_cell(Sheet *sheet)
{
	char last = sheet->text.len > 0 ? sheet->text.data[sheet->text.len - 1] : '\n';

	if (last != '\n')
		appendStringInfoChar(&sheet->text, ',');
}

/* Does a program that opens the file take a text for a formula?  By the sign that it begins with, in either width. */
static bool
is_formula(const char *text)
{
	static const char *const signs[] = {
	    "=", "+", "-", "@", "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"};

	for (int i = 0; i < lengthof(signs); i++)
		if (strncmp(text, signs[i], strlen(signs[i])) == 0)
			return true;
	return false;
}

/* Adds a text as a cell; one that would begin as a formula gets an apostrophe before it, as spreadsheets have it. */
static void
put_text(Sheet *sheet, const char *text)
{
	char *line = one_line(text != NULL ? text : "");

	begin_cell(sheet);
	if (is_formula(line))
		line = psprintf("'%s", line);
	/* an empty one in quotes, so that the next one sees that it is there */
	appendStringInfoChar(&sheet->text, '"');
	for (const char *at = line; *at != '\0'; at++)
	{
		if (*at == '"')
			appendStringInfoChar(&sheet->text, '"');
		appendStringInfoChar(&sheet->text, *at);
	}
	appendStringInfoChar(&sheet->text, '"');
}

/* Adds a number; a minus stands behind a space, which numbers may have before them. */
static void
put_number(Sheet *sheet, int64 number)
{
	begin_cell(sheet);
	appendStringInfo(&sheet->text, "%s" INT64_FORMAT, number < 0 ? " " : "", number);
}

/* Adds points as percent of what is possible, 0 to 100; of nothing there is no share, and no grade. */
static void
put_percent(Sheet *sheet, int64 points, int64 possible)
{
	if (possible <= 0)
	{
		put_text(sheet, "");
		return;
	}
	begin_cell(sheet);
	appendStringInfo(&sheet->text, "%.5f", Min(Max(100.0 * points / possible, 0.0), 100.0));
}

static void
end_line(Sheet *sheet)
{
	appendStringInfoString(&sheet->text, END_OF_LINE);
}

/* Where a text has a word in ASCII, in whichever case; NULL: nowhere. */
static char *
find_word(char *text, const char *word)
{
	size_t length = strlen(word);

	for (char *at = text; *at != '\0'; at++)
		if (pg_strncasecmp(at, word, length) == 0)
			return at;
	return NULL;
}

/* Takes from a title what Canvas would take for columns of its own. */
static char *
canvas_title(char *title)
{
	static const char *const reserved[] = {
	    "Current Score", "Current Points", "Current Grade",  "Final Score",     "Final Points",
	    "Final Grade",   "Override Score", "Override Grade", "Override Status",
	};
	size_t length;

	for (int i = 0; i < lengthof(reserved); i++)
		for (char *found; (found = find_word(title, reserved[i])) != NULL;)
			*strchr(found, ' ') = '-';
	for (length = strlen(title); length > 0 && title[length - 1] == ' '; length--)
		title[length - 1] = '\0';
	if (length > 2 && title[length - 1] == ')')
	{
		size_t digits =
		    strspn(strrchr(title, '(') != NULL ? strrchr(title, '(') + 1 : "", "0123456789");

		if (digits > 0 && title[length - digits - 2] == '(')
		{
			title[length - digits - 2] = '[';
			title[length - 1] = ']';
		}
	}
	return title;
}

/* The entry of a title, made where there is none. */
static Title *
find_title(Sheet *sheet, const char *title, bool *found)
{
	char *lower = pstrdup(title);
	uint64 hash;
	Title *entry;

	for (char *at = lower; *at != '\0'; at++)
		*at = (char) pg_tolower((unsigned char) *at);
	hash = hash_bytes_extended((unsigned char *) lower, (int) strlen(lower), 0);
	entry = hash_search(sheet->titles, &hash, HASH_ENTER, found);
	if (!*found)
		entry->copies = 1;
	pfree(lower);
	return entry;
}

/* The title of a column that no other has. */
static char *
column_title(Sheet *sheet, const char *item)
{
	char *title = one_line(item);
	char *only;
	bool found;
	Title *entry;

	if (sheet->format == FORMAT_CANVAS)
		title = canvas_title(title);
	if (title[0] == '\0')
		title = "Untitled";
	entry = find_title(sheet, title, &found);
	for (only = title; found; (void) find_title(sheet, only, &found))
		only = psprintf("%s [%d]", title, ++entry->copies);
	return only;
}

/* Is the file in percent?  Corrections are of no item, and so no share of anything. */
static bool
in_percent(const Sheet *sheet)
{
	return sheet->format == FORMAT_MOODLE && !sheet->in_points;
}

/* Is there a column for what the row says? */
static bool
has_column(const Sheet *sheet, uint64 row)
{
	return !row_bool(row, GRADE_IS_CORRECTION) || (sheet->corrected > 0 && !in_percent(sheet));
}

/* How many of the rows, of which there are some, are the first member's: as many as there are items. */
static uint64
rows_of_member(uint64 rows)
{
	char *first = row_text(0, GRADE_USER_ID);
	uint64 count = 1;

	while (count < rows && strcmp(row_text(count, GRADE_USER_ID), first) == 0)
		count++;
	return count;
}

/* The lines before those of members, by the rows of the first member. */
static void
put_head(Sheet *sheet, uint64 items)
{
	static const char *const heads[FORMAT_COUNT][16] = {
	    [FORMAT_CSV] = {"userId", "name", "email", "externalId", "groupChallengeId", "questionId",
	                    "item", "points", "of", "firstTimeRight", "attempts", "late", "hidden",
	                    "disqualified"},
	    [FORMAT_CANVAS] = {"Student", "ID", "SIS User ID", "SIS Login ID", "Section"},
	    [FORMAT_MOODLE] = {"email", "idnumber", "name"},
	};
	bool found;

	for (int i = 0; heads[sheet->format][i] != NULL; i++)
	{
		put_text(sheet, heads[sheet->format][i]);
		(void) find_title(sheet, heads[sheet->format][i], &found);
	}
	for (uint64 row = 0; sheet->format != FORMAT_CSV && row < items; row++)
		if (has_column(sheet, row))
			put_text(sheet, column_title(sheet, row_text(row, GRADE_ITEM)));
	end_line(sheet);
	if (sheet->format != FORMAT_CANVAS)
		return;
	put_text(sheet, "Points Possible");
	for (int i = 1; heads[FORMAT_CANVAS][i] != NULL; i++)
		put_text(sheet, "");
	for (uint64 row = 0; row < items; row++)
		if (has_column(sheet, row))
			put_number(sheet, row_long(row, GRADE_OF));
	end_line(sheet);
}

/* The line of an item of a member, for spreadsheets. */
static void
put_item(Sheet *sheet, uint64 row)
{
	if (row_bool(row, GRADE_IS_CORRECTION) && row_long(row, GRADE_POINTS) == 0)
		return;
	for (int i = GRADE_USER_ID; i <= GRADE_ITEM; i++)
		put_text(sheet, row_text_or_null(row, i));
	for (int i = GRADE_POINTS; i <= GRADE_LATE; i++)
		put_number(sheet, row_long(row, i));
	put_text(sheet, row_bool(row, GRADE_HIDDEN) ? "true" : "false");
	put_text(sheet, row_bool(row, GRADE_DISQUALIFIED) ? "true" : "false");
	end_line(sheet);
}

/* A text of a row, NULL where it is empty. */
static char *
text_of(uint64 row, int column)
{
	char *text = row_text_or_null(row, column);

	return text != NULL && text[0] != '\0' ? text : NULL;
}

/* Is it somebody whom Moodle could not find, and would stop at? */
static bool
is_left_out(const Sheet *sheet, uint64 row)
{
	return sheet->format == FORMAT_MOODLE && text_of(row, GRADE_EMAIL) == NULL;
}

/* Is it somebody whom the system that reads it does not find by an id of its own? */
static bool
is_nameless(const Sheet *sheet, uint64 row)
{
	return text_of(row, GRADE_EXTERNAL_ID) == NULL &&
	       (sheet->format == FORMAT_MOODLE || text_of(row, GRADE_LOGIN_ID) == NULL);
}

/* Who it is, as the system that reads it finds students. */
static void
put_student(Sheet *sheet, uint64 row)
{
	char *name = text_of(row, GRADE_NAME);
	char *email = row_text(row, GRADE_EMAIL);
	char *login_id = text_of(row, GRADE_LOGIN_ID);

	if (sheet->format == FORMAT_MOODLE)
	{
		put_text(sheet, email);
		put_text(sheet, text_of(row, GRADE_EXTERNAL_ID));
		put_text(sheet, name != NULL ? name : email);
		return;
	}
	put_text(sheet, name != NULL ? name : email);
	put_text(sheet, "");
	put_text(sheet, text_of(row, GRADE_EXTERNAL_ID));
	put_text(sheet, login_id != NULL ? login_id : email);
	put_text(sheet, text_of(row, GRADE_SECTION));
}

/* The line of a member with all items, for Canvas and Moodle. */
static void
put_member(Sheet *sheet, uint64 first, uint64 items)
{
	if (is_left_out(sheet, first))
		return;
	put_student(sheet, first);
	for (uint64 row = first; row < first + items; row++)
		if (has_column(sheet, row))
		{
			if (in_percent(sheet))
				put_percent(sheet, row_long(row, GRADE_POINTS), row_long(row, GRADE_OF));
			else
				put_number(sheet, row_long(row, GRADE_POINTS));
		}
	end_line(sheet);
}

/*
 * Counts what has to be known before the first line: whether there is a column for corrections, and what is to be
 * warned of.
 */
static void
survey(Sheet *sheet, Gradebook book)
{
	uint64 rows;
	MemoryContext outer = CurrentMemoryContext;

	while (sheet->format != FORMAT_CSV && (rows = gradebook_next(&book)) > 0)
	{
		uint64 items = rows_of_member(rows);

		MemoryContextSwitchTo(sheet->cells);
		for (uint64 row = 0; row < rows; row++)
		{
			sheet->corrected +=
			    row_bool(row, GRADE_IS_CORRECTION) && row_long(row, GRADE_POINTS) != 0;
			if (row % items > 0)
				continue;
			sheet->left_out += is_left_out(sheet, row);
			sheet->nameless += is_nameless(sheet, row) && !is_left_out(sheet, row);
		}
		MemoryContextSwitchTo(outer);
		MemoryContextReset(sheet->cells);
	}
}

/* Adds a sentence to what there is to be warned of. */
static void
warn(StringInfo warning, int64 count, const char *sentence)
{
	if (count > 0)
		appendStringInfo(warning, "%s" INT64_FORMAT " members %s", warning->len > 0 ? "; " : "",
		                 count, sentence);
}

/* What somebody should know who hands the file on; NULL: nothing. */
static char *
warning_of(const Sheet *sheet)
{
	StringInfoData warning;

	initStringInfo(&warning);
	warn(&warning, sheet->left_out, "have no e-mail address and are left out");
	if (in_percent(sheet))
		warn(&warning, sheet->corrected,
		     "have corrections, which the file leaves out: they are a share of no item");
	warn(
	    &warning, sheet->nameless,
	    sheet->format == FORMAT_MOODLE
	        ? "have no external id in the roster; match by e-mail"
	        : "have neither an external id nor a login id in the roster; where their e-mail address"
	          " is no login, Canvas guesses by name");
	return warning.len > 0 ? warning.data : NULL;
}

/* Hands over what was written so far; the first time with the name of the file, and what is to be warned of. */
static void
put_piece(Sheet *sheet)
{
	char *warning = sheet->name != NULL ? warning_of(sheet) : NULL;
	Datum values[] = {
	    sheet->name != NULL ? CStringGetTextDatum(sheet->name) : (Datum) 0,
	    PointerGetDatum(cstring_to_text_with_len(sheet->text.data, sheet->text.len)),
	    warning != NULL ? CStringGetTextDatum(warning) : (Datum) 0,
	};
	bool nulls[] = {sheet->name == NULL, false, warning == NULL};

	tuplestore_putvalues(sheet->result->setResult, sheet->result->setDesc, values, nulls);
	sheet->name = NULL;
	resetStringInfo(&sheet->text);
}

/* Writes the lines of some members. */
static void
put_members(Sheet *sheet, uint64 rows, uint64 items)
{
	MemoryContext outer = MemoryContextSwitchTo(sheet->cells);

	for (uint64 row = 0; row < rows; row += sheet->format == FORMAT_CSV ? 1 : items)
	{
		CHECK_FOR_INTERRUPTS();
		if (sheet->format == FORMAT_CSV)
			put_item(sheet, row);
		else
			put_member(sheet, row, items);
		if (sheet->text.len >= PIECE_BYTES)
		{
			put_piece(sheet);
			MemoryContextReset(sheet->cells);
		}
	}
	MemoryContextSwitchTo(outer);
	MemoryContextReset(sheet->cells);
}

static void
write_file(Sheet *sheet, Gradebook *book)
{
	uint64 rows;
	uint64 items = 0;

	survey(sheet, *book);
	while ((rows = gradebook_next(book)) > 0)
	{
		if (items == 0)
		{
			items = rows_of_member(rows);
			put_head(sheet, items);
		}
		put_members(sheet, rows, items);
	}
	if (items == 0)
		put_head(sheet, 0);
	if (sheet->text.len > 0 || sheet->name != NULL)
		put_piece(sheet);
}

/* The competition's name as part of a file's: what is no ASCII letter or digit is a hyphen. */
static char *
file_name(const Gradebook *book, Format format)
{
	StringInfoData name;

	STATEMENT_RUN(&statements[NAME], value_text(book->group_id));
	initStringInfo(&name);
	appendStringInfoString(&name, "grades");
	for (const char *at = row_text(0, 1); *at != '\0' && name.len < 60; at++)
	{
		bool is_plain = isalnum((unsigned char) *at) && (unsigned char) *at < 0x80;

		if (is_plain && name.len == (int) strlen("grades"))
			appendStringInfoChar(&name, '-');
		if (is_plain)
			appendStringInfoChar(&name, *at);
		else if (name.data[name.len - 1] != '-' && name.len > (int) strlen("grades"))
			appendStringInfoChar(&name, '-');
	}
	if (name.data[name.len - 1] == '-')
		name.data[--name.len] = '\0';
	appendStringInfo(&name, "%s%s.csv", format == FORMAT_CSV ? "" : "-",
	                 format == FORMAT_CSV ? "" : formats[format]);
	return name.data;
}

static Format
read_format(const char *given)
{
	for (int i = 0; i < FORMAT_COUNT; i++)
		if (strcmp(given, formats[i]) == 0)
			return (Format) i;
	raise_error(EDURANGE_INVALID_PARAMETER,
	            "parameter \"format\" must be json, csv, canvas or moodle");
}

SQL_FUNCTION(edurange_gradebook_file)
{
	Sheet sheet = {.format = read_format(required_text(fcinfo, 1, "format")),
	               .in_points = optional_flag(fcinfo, 4)};
	Gradebook book;
	Refusal refusal = {0};
	Caller caller;

	gradebook_read(&book, fcinfo, 2, 3);
	InitMaterializedSRF(fcinfo, 0);
	caller_read(&caller, fcinfo, 5);
	statements_begin();
	if (!gradebook_find(&caller, &book, &refusal))
		raise_refusal(&refusal);
	sheet.result = (ReturnSetInfo *) fcinfo->resultinfo;
	sheet.name = file_name(&book, sheet.format);
	sheet.cells = AllocSetContextCreate(CurrentMemoryContext, "cells", ALLOCSET_DEFAULT_SIZES);
	initStringInfo(&sheet.text);
	sheet.titles = hash_create("titles of a gradebook", FIRST_ROOM,
	                           &(HASHCTL){.keysize = sizeof(uint64),
	                                      .entrysize = sizeof(Title),
	                                      .hcxt = CurrentMemoryContext},
	                           HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	write_file(&sheet, &book);
	statements_end();
	return (Datum) 0;
}
