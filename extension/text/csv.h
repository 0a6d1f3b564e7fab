/*
 * csv.h
 *	  Tables as text: RFC 4180, and what spreadsheets make of it.
 */
#ifndef EDURANGE_CSV_H
#define EDURANGE_CSV_H

#include "postgres.h"

#define CSV_FIELDS 64        /* in a record, at most */
#define CSV_FIELD_BYTES 1000 /* in a field, at most */

typedef struct CsvReader
{
	const char *at; /* what is read next */
	int line;       /* its number, from 1 */
} CsvReader;

typedef struct CsvRecord
{
	int line; /* where it begins */
	int count;
	char *fields[CSV_FIELDS];
	const char *fault; /* NULL: it can be read */
} CsvRecord;

/* Begins behind a byte order mark; the text ends with a null byte. */
extern void csv_begin(CsvReader *reader, const char *text);

/*
 * Reads the next record that is not empty; false at the end.  Lines end as on any system.  What follows a record that
 * cannot be read begins in the line after its first: a quote that nobody closed swallows nothing.
 */
extern bool csv_read(CsvReader *reader, CsvRecord *record);

#endif
