/*
 * roster_file.h
 *	  A roster as a file has it: its rows, each by itself, and what is wrong with which.
 */
#ifndef EDURANGE_ROSTER_FILE_H
#define EDURANGE_ROSTER_FILE_H

#include "postgres.h"

#define ROSTER_BYTES (2 * 1024 * 1024)
#define ROSTER_ROWS 10000

/* The columns that count, in the order of edurange.roster; others are left out. */
typedef enum RosterColumn
{
	ROSTER_EMAIL,
	ROSTER_NAME,
	ROSTER_EXTERNAL_ID,
	ROSTER_LOGIN_ID,
	ROSTER_SECTION,
	ROSTER_COLUMNS
} RosterColumn;

typedef struct RosterRow
{
	int line;
	char *values[ROSTER_COLUMNS]; /* without outer white space; NULL: none */
	char *key;                    /* its address as it is compared; NULL: the row cannot be read */
	char *problem;                /* NULL: none */
	char *user_id;                /* who it is; NULL: nobody yet */
	char *code;                   /* NULL: none */
	bool waits;                   /* it is in the roster, and waits */
	bool new_user;                /* was made for it */
	bool joins;                   /* becomes a member */
} RosterRow;

typedef struct RosterFile
{
	RosterRow *rows;
	int count;
	bool has[ROSTER_COLUMNS]; /* which columns the file has: what it lacks stays as it was */
} RosterFile;

/* Raises what is wrong with all of it; what is wrong with a row stands there. */
extern void roster_file_read(RosterFile *file, const char *text);

#endif
