/*
 * roster_file.c
 *	  A roster as a file has it: its rows, each by itself, and what is wrong with which.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/refusal.h"
#include "course/roster_file.h"
#include "course/users.h"
#include "game/rosters.h"
#include "text/csv.h"
#include "text/plain_text.h"

#define FIRST_ROOM 64

/* As headers are compared: in lower case, and without what people put between words. */
static const char *const headers[ROSTER_COLUMNS] = {
    [ROSTER_EMAIL] = "email",
    [ROSTER_NAME] = "name",
    [ROSTER_EXTERNAL_ID] = "externalid",
    [ROSTER_LOGIN_ID] = "loginid",
    [ROSTER_SECTION] = "section",
};

/* Which column a header names; ROSTER_COLUMNS: none that counts. */
static RosterColumn
column_of(const char *header)
{
	char *word = pstrdup(header);
	char *end = word;
	int column = 0;

	for (const char *c = header; *c != '\0'; c++)
		if (strchr(" \t_-", *c) == NULL)
			*end++ = (char) pg_ascii_tolower((unsigned char) *c);
	*end = '\0';
	while (column < ROSTER_COLUMNS && strcmp(headers[column], word) != 0)
		column++;
	return (RosterColumn) column;
}

/* Reads the first line: which column stands where. */
static void
read_header(CsvReader *reader, RosterFile *file, RosterColumn *order)
{
	CsvRecord record;

	if (!csv_read(reader, &record))
		raise_error(EDURANGE_MISSING_PARAMETER, "parameter \"csv\" has no line");
	if (record.fault != NULL)
		raise_error(EDURANGE_INVALID_PARAMETER, "parameter \"csv\": line %d: %s", record.line,
		            record.fault);
	for (int i = 0; i < CSV_FIELDS; i++)
	{
		order[i] = i < record.count ? column_of(trimmed(record.fields[i])) : ROSTER_COLUMNS;
		if (order[i] == ROSTER_COLUMNS)
			continue;
		if (file->has[order[i]])
			raise_error(EDURANGE_INVALID_PARAMETER,
			            "parameter \"csv\": line %d: two columns are called \"%s\"", record.line,
			            trimmed(record.fields[i]));
		file->has[order[i]] = true;
	}
	if (!file->has[ROSTER_EMAIL])
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"csv\": line %d must name a column \"email\", between commas",
		            record.line);
}

/* Is anything in the record?  Spreadsheets end with lines of commas. */
static bool
is_blank(const CsvRecord *record)
{
	for (int i = 0; i < record->count; i++)
		if (trimmed(record->fields[i])[0] != '\0')
			return false;
	return record->fault == NULL;
}

/* Makes a row of a record, in the memory of the file. */
static void
read_row(RosterRow *row, const CsvRecord *record, const RosterColumn *order, MemoryContext context)
{
	MemoryContext outer = MemoryContextSwitchTo(context);

	row->line = record->line;
	for (int i = 0; record->fault == NULL && i < record->count; i++)
	{
		char *value = order[i] < ROSTER_COLUMNS ? trimmed(record->fields[i]) : NULL;

		if (value != NULL && value[0] != '\0')
			row->values[order[i]] = value;
	}
	if (record->fault != NULL)
		row->problem = pstrdup(record->fault);
	else if (row->values[ROSTER_EMAIL] == NULL)
		row->problem = pstrdup("the e-mail address is missing");
	else if (!is_email(row->values[ROSTER_EMAIL]))
		row->problem = psprintf("\"%s\" is no e-mail address", row->values[ROSTER_EMAIL]);
	else if (is_system_address(row->values[ROSTER_EMAIL]))
		row->problem = pstrdup("the address is that of the system account");
	else
		row->key = email_key(row->values[ROSTER_EMAIL]);
	MemoryContextSwitchTo(outer);
}

/* By address, and by line where it is the same; last what has none. */
static int
compare_rows(const void *one, const void *other)
{
	const RosterRow *a = *(RosterRow *const *) one;
	const RosterRow *b = *(RosterRow *const *) other;
	int order = a->key == NULL || b->key == NULL ? (a->key == NULL) - (b->key == NULL)
	                                             : strcmp(a->key, b->key);

	return order != 0 ? order : a->line - b->line;
}

/* The first line with an address counts. */
static void
find_duplicates(RosterFile *file)
{
	RosterRow **sorted = palloc(sizeof(RosterRow *) * Max(file->count, 1));
	RosterRow *first = NULL;

	for (int i = 0; i < file->count; i++)
		sorted[i] = &file->rows[i];
	qsort(sorted, file->count, sizeof(RosterRow *), compare_rows);
	for (int i = 0; i < file->count && sorted[i]->key != NULL; i++)
		if (first != NULL && strcmp(first->key, sorted[i]->key) == 0)
			sorted[i]->problem = psprintf("the address is that of line %d", first->line);
		else
			first = sorted[i];
	pfree(sorted);
}

void
roster_file_read(RosterFile *file, const char *text)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext record_context =
	    AllocSetContextCreate(context, "roster record", ALLOCSET_DEFAULT_SIZES);
	RosterColumn order[CSV_FIELDS];
	CsvReader reader;
	CsvRecord record;
	int room = FIRST_ROOM;

	*file = (RosterFile){.rows = palloc0(sizeof(RosterRow) * room)};
	MemoryContextSwitchTo(record_context);
	csv_begin(&reader, text);
	read_header(&reader, file, order);
	while (csv_read(&reader, &record))
	{
		if (!is_blank(&record))
		{
			if (file->count == ROSTER_ROWS)
				raise_error(EDURANGE_PAYLOAD_TOO_LARGE, "parameter \"csv\" has more than %d rows",
				            ROSTER_ROWS);
			if (file->count == room)
				file->rows = repalloc(file->rows, sizeof(RosterRow) * (room *= 2));
			file->rows[file->count] = (RosterRow){0};
			read_row(&file->rows[file->count++], &record, order, context);
		}
		MemoryContextReset(record_context);
	}
	MemoryContextSwitchTo(context);
	MemoryContextDelete(record_context);
	find_duplicates(file);
}
