/*
 * boards.h
 *	  The boards that somebody listens to: their rows, and what has changed in them.
 *
 * The room live/ knows what boards look like now.  One reader in the process asks the database, for all of them
 * and however many listen; what comes of it is text that all listeners of a board share.  Boards are shared by the
 * loops, so they have a lock; nothing is waited for while it is held, and nothing large is made.  What
 * the database says is taken by one thread at a time (boards_take()), and that alone changes what a board looks like: so
 * it is made without the lock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <jansson.h>

#define BOARD_PIECES 64     /* of what has changed, kept for who is behind */
#define ASKING_MOST_MS 2000 /* from an answer to the next question at most, however long it took */

/* How long to wait after an answer that took so long, at least so long: the same is asked for a twentieth of the time. */
extern int64_t asking_pause(int64_t took, int64_t least);

/* A text that many send. */
typedef struct Piece
{
	int holders;
	size_t length;
	char bytes[];
} Piece;

typedef struct Board
{
	TAILQ_ENTRY(Board) others;
	char *group_id;
	bool is_staff;    /* as they see it, who is never shown a frozen one */
	char *visibility; /* with which all who listen were let in: with another one it is over */
	unsigned long
	    number; /* of this Board, so that ids of events of another one are not taken for its own */
	int holders;
	bool over; /* it is gone, or for others than before: whoever listens has to come anew */
	/* when the database is asked for its rows again, and when for names and the past of the best as well */
	int64_t rows_at;
	int64_t thorough_at;
	bool asked; /* by the question that waits for its answer */

	/* what it looks like: NULL before it was read */
	char *mark;   /* for the database: what was seen */
	char *head;   /* as JSON; this and the rows are for the thread that takes answers alone */
	char *rows;   /* lines, ordered by what is before the tab: the user's id and the row, as JSON */
	size_t bytes; /* of rows and snapshot */
	Piece *series;
	Piece *snapshot; /* all of it as an event */

	uint64_t newest; /* number of the last event */
	Piece *events[BOARD_PIECES];
} Board;

/*
 * The board as it may be seen by who had this visibility looked at for them, which is there until it was released as
 * often; NULL: there are too many, or no memory.
 */
extern Board *board_hold(const char *group_id, bool is_staff, const char *visibility);
extern void board_release(Board *board);

/* The number of the event with that id, 0 where nobody knows it any more. */
extern uint64_t board_number(const Board *board, const char *event_id);

/*
 * What comes after the event that was sent last, held for the caller, and its number; NULL: nothing yet.  Who is too
 * far behind, or has nothing yet, gets all of it.
 */
extern Piece *board_next(Board *board, uint64_t *last);

typedef struct BoardNews
{
	bool next; /* has board_next() something? */
	bool over;
} BoardNews;

extern BoardNews board_news(const Board *board, uint64_t last);

/* The same kind of text for one listener: printf. */
extern Piece *piece_make(const char *format, ...) __attribute__((format(printf, 1, 2)));
extern void piece_release(Piece *piece);

/*
 * What the database is to be asked now, as JSON: how boards are since their marks.  NULL: nothing before due, which is
 * INT64_MAX where nobody listens.
 */
extern json_t *boards_question(int64_t now, int64_t *due);

/* Takes the answer that came then and took so long; never two at once.  NULL: it was too large, or did not come. */
extern void boards_take(const json_t *answer, int64_t now, int64_t took);
