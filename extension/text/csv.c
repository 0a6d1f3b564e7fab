/*
 * csv.c
 *	  Tables as text: RFC 4180, and what spreadsheets make of it.
 *
 * Fields are taken as they are, whatever they begin with: a sign that a spreadsheet takes for a formula is data here.
 * A line is looked at once, or a bounded number of bytes again where a quote is not closed, so that no text takes long.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "text/csv.h"

void
csv_begin(CsvReader *reader, const char *text)
{
	reader->at = strncmp(text, "\xef\xbb\xbf", 3) == 0 ? text + 3 : text;
	reader->line = 1;
}

/* The length of the end of a line that stands here; 0: none does. */
static int
line_end(const char *at)
{
	return *at == '\n' ? 1 : *at != '\r' ? 0 : at[1] == '\n' ? 2 : 1;
}

/* Leaves the rest of the line. */
static void
skip_line(CsvReader *reader)
{
	while (*reader->at != '\0' && line_end(reader->at) == 0)
		reader->at++;
	if (*reader->at == '\0')
		return;
	reader->at += line_end(reader->at);
	reader->line++;
}

/* Reads a field behind its opening quote, and the quote that closes it. */
static const char *
read_quoted(CsvReader *reader, StringInfo field)
{
	while (reader->at[0] != '"' || reader->at[1] == '"')
	{
		int end = line_end(reader->at);

		if (*reader->at == '\0')
			return "a quote is not closed";
		if (field->len > CSV_FIELD_BYTES)
			return "a field is too long, or a quote is not closed";
		if (*reader->at == '"')
			reader->at++;
		appendBinaryStringInfo(field, reader->at, Max(end, 1));
		reader->at += Max(end, 1);
		reader->line += end > 0;
	}
	reader->at++;
	if (*reader->at != '\0' && *reader->at != ',' && line_end(reader->at) == 0)
		return "a closing quote is followed by more than a comma";
	return NULL;
}

/* Reads a field up to the comma or the end of the line behind it. */
static const char *
read_field(CsvReader *reader, char **value)
{
	StringInfoData field;
	const char *fault = NULL;

	initStringInfo(&field);
	if (*reader->at == '"')
	{
		reader->at++;
		fault = read_quoted(reader, &field);
	}
	else
		while (*reader->at != '\0' && *reader->at != ',' && line_end(reader->at) == 0)
			appendStringInfoChar(&field, *reader->at++);
	if (fault == NULL && field.len > CSV_FIELD_BYTES)
		fault = "a field is too long";
	*value = field.data;
	return fault;
}

bool
csv_read(CsvReader *reader, CsvRecord *record)
{
	CsvReader begin;

	CHECK_FOR_INTERRUPTS();
	while (line_end(reader->at) > 0)
		skip_line(reader);
	if (*reader->at == '\0')
		return false;
	begin = *reader;
	record->line = reader->line;
	record->count = 0;
	record->fault = NULL;
	while (record->fault == NULL)
	{
		if (record->count == CSV_FIELDS)
			record->fault = "a line has too many fields";
		else
			record->fault = read_field(reader, &record->fields[record->count++]);
		if (record->fault == NULL && *reader->at != ',')
			break;
		reader->at += record->fault == NULL;
	}
	if (record->fault != NULL)
		*reader = begin;
	skip_line(reader);
	return true;
}
