/*
 * boards.c
 *	  The boards that somebody listens to: their rows, and what has changed in them.
 *
 * Rows are kept as one text, in lines by the id of their user, so that what the database says has changed is held
 * against what was there by walking through both once, and a row that came again as it was is no news.
 *
 * What the database says of a large board takes long.  So each board is asked for again when it is due, which follows
 * from what it cost the last time, and large ones are asked for one by one: a small one waits for one answer to a large
 * one at most.
 */
#include "live/boards.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/text.h"

#define BOARDS_BYTES (64 * 1024 * 1024) /* of all boards, until no further one is taken */
#define LARGE (128 * 1024)              /* bytes of a board that is asked for alone */
#define ROWS_MS 250
#define ASKING_SHARE 20 /* the reader asks for one thing a twentieth of its time at most */
#define THOROUGH_MS 5000

static struct
{
	pthread_mutex_t lock;
	TAILQ_HEAD(BoardList, Board) all; /* those that are asked for alone in turns */
	size_t bytes;
	unsigned long made;
	unsigned long process; /* drawn, so that ids of another one are not taken for ours */
	/* of the question that waits for its answer */
	bool alone;
	bool thorough;
	int64_t alone_at; /* none is asked for alone before */
} boards = {.lock = PTHREAD_MUTEX_INITIALIZER, .all = TAILQ_HEAD_INITIALIZER(boards.all)};

/* Gives a piece back, with the lock held. */
static void
drop(Piece *piece)
{
	if (piece != NULL && --piece->holders == 0)
		free(piece);
}

void
piece_release(Piece *piece)
{
	pthread_mutex_lock(&boards.lock);
	drop(piece);
	pthread_mutex_unlock(&boards.lock);
}

Piece *
piece_make(const char *format, ...)
{
	va_list arguments;
	va_list again;
	int length;
	Piece *piece;

	va_start(arguments, format);
	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, arguments);
	piece = length < 0 ? NULL : malloc(sizeof(Piece) + (size_t) length + 1);
	if (piece != NULL)
	{
		*piece = (Piece){.holders = 1, .length = (size_t) length};
		vsnprintf(piece->bytes, piece->length + 1, format, again);
	}
	va_end(again);
	va_end(arguments);
	return piece;
}

/* The board that is shown as that one, with the lock held; NULL: there is none. */
static Board *
find_board(const char *group_id, bool is_staff)
{
	for (Board *board = TAILQ_FIRST(&boards.all); board != NULL; board = TAILQ_NEXT(board, others))
		if (!board->over && board->is_staff == is_staff && strcmp(board->group_id, group_id) == 0)
			return board;
	return NULL;
}

Board *
board_hold(const char *group_id, bool is_staff, const char *visibility)
{
	Board *board;

	pthread_mutex_lock(&boards.lock);
	board = find_board(group_id, is_staff);
	/* one of them is not up to date: the board, or who comes */
	if (board != NULL && strcmp(board->visibility, visibility) != 0)
	{
		board->over = true;
		board = NULL;
	}
	if (board == NULL && boards.bytes < BOARDS_BYTES && (board = calloc(1, sizeof(Board))) != NULL)
	{
		while (boards.process == 0 && getrandom(&boards.process, sizeof(boards.process), 0) < 0)
			;
		board->group_id = strdup(group_id);
		board->is_staff = is_staff;
		board->visibility = strdup(visibility);
		board->number = ++boards.made;
		TAILQ_INSERT_TAIL(&boards.all, board, others);
	}
	if (board != NULL)
		board->holders++;
	pthread_mutex_unlock(&boards.lock);
	return board;
}

void
board_release(Board *board)
{
	pthread_mutex_lock(&boards.lock);
	if (--board->holders == 0)
	{
		TAILQ_REMOVE(&boards.all, board, others);
		boards.bytes -= board->bytes;
		for (int i = 0; i < BOARD_PIECES; i++)
			drop(board->events[i]);
		drop(board->series);
		drop(board->snapshot);
		free(board->group_id);
		free(board->mark);
		free(board->visibility);
		free(board->head);
		free(board->rows);
		free(board);
	}
	pthread_mutex_unlock(&boards.lock);
}

#define EVENT_ID "%lx.%lu.%lu"

uint64_t
board_number(const Board *board, const char *event_id)
{
	unsigned long process;
	unsigned long number;
	unsigned long event;

	return event_id != NULL && sscanf(event_id, EVENT_ID, &process, &number, &event) == 3 &&
	               process == boards.process && number == board->number
	           ? event
	           : 0;
}

/* Are all events behind that one still there? */
static bool
is_near(const Board *board, uint64_t last)
{
	return last > 0 && last <= board->newest && board->newest - last <= BOARD_PIECES;
}

/* The rows of all lines, between commas. */
static void
put_rows(FILE *out, const char *rows)
{
	const char *separator = "";

	for (const char *end; *rows != '\0'; rows = end + 1)
	{
		const char *row = strchr(rows, '\t') + 1;

		end = strchr(row, '\n');
		fprintf(out, "%s%.*s", separator, (int) (end - row), row);
		separator = ",";
	}
}

/* Makes an event of a board of a text that is freed, and what follows it; NULL: out of memory. */
static Piece *
make_event(const Board *board, uint64_t number, char *data, const Piece *next)
{
	Piece *piece = data == NULL ? NULL
	                            : piece_make("id: " EVENT_ID "\nevent: board\ndata: %s\n\n%s",
	                                         boards.process, board->number, (unsigned long) number,
	                                         data, next != NULL ? next->bytes : "");

	free(data);
	return piece;
}

/* The whole board as an event. */
static Piece *
make_snapshot(const Board *board, uint64_t number, const Piece *series)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (out == NULL)
		return NULL;
	/* the head is an object that is not empty */
	fprintf(out, "{\"snapshot\":true,%.*s,\"rows\":[", (int) strlen(board->head) - 2,
	        board->head + 1);
	put_rows(out, board->rows);
	fputs("]}", out);
	fclose(out);
	return make_event(board, number, text, series);
}

Piece *
board_next(Board *board, uint64_t *last)
{
	Piece *piece = NULL;

	pthread_mutex_lock(&boards.lock);
	if (is_near(board, *last))
	{
		if (*last < board->newest)
			piece = board->events[++*last % BOARD_PIECES];
	}
	else if ((piece = board->snapshot) != NULL)
		*last = board->newest;
	if (piece != NULL)
		piece->holders++;
	pthread_mutex_unlock(&boards.lock);
	return piece;
}

BoardNews
board_news(const Board *board, uint64_t last)
{
	BoardNews news;

	pthread_mutex_lock(&boards.lock);
	news = (BoardNews){
	    .next = is_near(board, last) ? last < board->newest : board->snapshot != NULL,
	    .over = board->over,
	};
	pthread_mutex_unlock(&boards.lock);
	return news;
}

/* Is it asked for by itself, as one that is large, or may be: one that comes whole? */
static bool
is_alone(const Board *board)
{
	return board->mark == NULL || board->bytes > LARGE;
}

/* When it is to be asked for. */
static int64_t
due_at(const Board *board)
{
	bool by_rows = board->mark != NULL && board->rows_at < board->thorough_at;
	int64_t at = by_rows ? board->rows_at : board->thorough_at;

	return is_alone(board) && at < boards.alone_at ? boards.alone_at : at;
}

/* Adds a board to a question. */
static void
ask_for(json_t *question, Board *board)
{
	board->asked = true;
	json_array_append_new(question, json_pack("{s:s, s:b, s:s?, s:b}", "group", board->group_id,
	                                          "staff", board->is_staff, "mark", board->mark,
	                                          "thorough", boards.thorough));
}

/* Asks for the board, or, with one that is not asked for alone, for all such ones. */
static json_t *
ask_with(Board *first, int64_t now)
{
	json_t *question = json_array();

	boards.alone = is_alone(first);
	boards.thorough = now >= first->thorough_at;
	if (boards.alone)
	{
		ask_for(question, first);
		TAILQ_REMOVE(&boards.all, first, others);
		TAILQ_INSERT_TAIL(&boards.all, first, others);
		return question;
	}
	for (Board *board = TAILQ_FIRST(&boards.all); board != NULL; board = TAILQ_NEXT(board, others))
		if (!board->over && !is_alone(board))
			ask_for(question, board);
	return question;
}

json_t *
boards_question(int64_t now, int64_t *due)
{
	Board *first = NULL;
	json_t *question;

	pthread_mutex_lock(&boards.lock);
	for (Board *board = TAILQ_FIRST(&boards.all); board != NULL; board = TAILQ_NEXT(board, others))
		if (!board->over && (first == NULL || due_at(board) < due_at(first)))
			first = board;
	*due = first != NULL ? due_at(first) : INT64_MAX;
	question = first != NULL && *due <= now ? ask_with(first, now) : NULL;
	pthread_mutex_unlock(&boards.lock);
	return question;
}

/* Is the one line's key before the other's?  Like strcmp. */
static int
compare_keys(const char *one, const char *other)
{
	while (*one == *other && *one != '\t')
	{
		one++;
		other++;
	}
	return (unsigned char) *one - (unsigned char) *other;
}

/* A line behind this one. */
static const char *
next_line(const char *line)
{
	return strchr(line, '\n') + 1;
}

/* What is being made of old rows and changed ones. */
typedef struct Merge
{
	FILE *all;
	FILE *changed; /* rows, each behind a comma */
	FILE *removed; /* keys, likewise */
	bool any;
} Merge;

/* Puts in a changed line; old is the one with its key, or NULL. */
static void
merge_line(Merge *merge, const char *line, const char *old)
{
	const char *row = strchr(line, '\t') + 1;
	const char *end = next_line(line);
	bool same = old != NULL && next_line(old) - old == end - line &&
	            memcmp(old, line, (size_t) (end - line)) == 0;

	if (*row != '\n')
		fwrite(line, 1, (size_t) (end - line), merge->all);
	if (same || (*row == '\n' && old == NULL))
		return;
	merge->any = true;
	if (*row != '\n')
		fprintf(merge->changed, ",%.*s", (int) (end - row) - 1, row);
	else
		fprintf(merge->removed, ",%.*s", (int) (row - line) - 1, line);
}

/* Merges changed lines into old ones. */
static void
merge_lines(Merge *merge, const char *old, const char *changed)
{
	while (*old != '\0' || *changed != '\0')
	{
		int order = *old == '\0' ? 1 : *changed == '\0' ? -1 : compare_keys(old, changed);

		if (order < 0)
		{
			const char *next = next_line(old);

			fwrite(old, 1, (size_t) (next - old), merge->all);
			old = next;
			continue;
		}
		merge_line(merge, changed, order == 0 ? old : NULL);
		if (order == 0)
			old = next_line(old);
		changed = next_line(changed);
	}
}

/* What a board becomes by an answer. */
typedef struct Update
{
	uint64_t newest;
	bool has_rows; /* some have changed, ... */
	Piece *rows;   /* ... and this is the event of it; NULL: all of it is new */
	Piece *series; /* what the best ten had when, where that is not as before */
	Piece *snapshot;
} Update;

/* Takes changed rows; what is new of them is an event. */
static void
change_rows(Board *board, const char *lines, Update *update)
{
	char *texts[3] = {NULL, NULL, NULL};
	size_t lengths[3];
	char *data = NULL;
	Merge merge = {open_memstream(&texts[0], &lengths[0]), open_memstream(&texts[1], &lengths[1]),
	               open_memstream(&texts[2], &lengths[2]), false};

	merge_lines(&merge, board->rows, lines);
	fclose(merge.all);
	fclose(merge.changed);
	fclose(merge.removed);
	if (merge.any)
	{
		free(board->rows);
		board->rows = texts[0];
		texts[0] = NULL;
		if (asprintf(&data, "{\"snapshot\":false,\"rows\":[%s],\"removed\":[%s]}",
		             lengths[1] > 0 ? texts[1] + 1 : "", lengths[2] > 0 ? texts[2] + 1 : "") < 0)
			data = NULL;
		update->has_rows = true;
		update->rows = make_event(board, ++update->newest, data, NULL);
	}
	for (int i = 0; i < 3; i++)
		free(texts[i]);
}

/* Takes over a text, in the place of another. */
static void
replace(char **text, const json_t *member)
{
	free(*text);
	*text = text_copy(json_string_value(member));
}

/* Takes the whole board. */
static void
change_all(Board *board, const json_t *state, Update *update)
{
	/* nobody is near any more: whoever listens gets all of it */
	update->newest += board->rows != NULL ? BOARD_PIECES + 1 : 1;
	update->has_rows = true;
	replace(&board->head, json_object_get(state, "head"));
	replace(&board->rows, json_object_get(state, "rows"));
}

/* Takes what the best ten had when; it is an event only where it is not as before. */
static void
change_series(const Board *board, const char *series, Update *update)
{
	Piece *event = piece_make("event: series\ndata: {\"series\":%s}\n\n", series);

	if (event == NULL || (board->series != NULL && board->series->length == event->length &&
	                      memcmp(board->series->bytes, event->bytes, event->length) == 0))
	{
		free(event);
		return;
	}
	update->newest++;
	update->series = event;
}

/* Adds an event, in the place of the oldest. */
static void
add_event(Board *board, uint64_t number, Piece *event)
{
	Piece **place = &board->events[number % BOARD_PIECES];

	drop(*place);
	*place = event;
}

/* Shows everybody what a board has become, with the lock held. */
static void
publish(Board *board, const Update *update)
{
	size_t bytes = board->rows != NULL ? strlen(board->rows) : 0;

	if (update->has_rows)
		add_event(board, update->newest - (update->series != NULL), update->rows);
	if (update->series != NULL)
	{
		drop(board->series);
		board->series = update->series;
		board->series->holders++;
		add_event(board, update->newest, update->series);
	}
	if (board->newest != update->newest || update->snapshot != NULL)
	{
		drop(board->snapshot);
		board->snapshot = update->snapshot;
		board->newest = update->newest;
	}
	bytes += board->snapshot != NULL ? board->snapshot->length : 0;
	boards.bytes += bytes - board->bytes;
	board->bytes = bytes;
}

/* Takes what the database says of one board, which is held. */
static void
take_state(Board *board, const json_t *state)
{
	const char *visibility = json_string_value(json_object_get(state, "visibility"));
	const char *series = json_string_value(json_object_get(state, "series"));
	bool over = visibility == NULL || strcmp(board->visibility, visibility) != 0;
	Update update = {.newest = board->newest};

	if (!over)
	{
		if (json_is_true(json_object_get(state, "isWhole")) || board->rows == NULL)
			change_all(board, state, &update);
		else
			change_rows(board, json_string_value(json_object_get(state, "rows")), &update);
		if (series != NULL)
			change_series(board, series, &update);
		if (board->rows != NULL && (board->snapshot == NULL || update.newest != board->newest))
			update.snapshot = make_snapshot(board, update.newest,
			                                update.series != NULL ? update.series : board->series);
	}
	pthread_mutex_lock(&boards.lock);
	board->over |= over;
	if (!over)
	{
		replace(&board->mark, json_object_get(state, "mark"));
		publish(board, &update);
	}
	pthread_mutex_unlock(&boards.lock);
}

/* The board that was asked for, held; NULL: nobody holds it any more, and what is called so now is not what was asked for. */
static Board *
hold_for_change(const char *group_id, bool is_staff)
{
	Board *board;

	pthread_mutex_lock(&boards.lock);
	board = group_id != NULL ? find_board(group_id, is_staff) : NULL;
	if (board != NULL && !board->asked)
		board = NULL;
	if (board != NULL)
		board->holders++;
	pthread_mutex_unlock(&boards.lock);
	return board;
}

int64_t
asking_pause(int64_t took, int64_t least)
{
	int64_t pause = took * ASKING_SHARE;

	if (pause > ASKING_MOST_MS)
		pause = ASKING_MOST_MS;
	return pause < least ? least : pause;
}

/* Lets a board be asked for again, the sooner the less it took. */
static void
set_due(Board *board, int64_t now, int64_t took)
{
	int64_t pause = asking_pause(took, ROWS_MS);

	board->rows_at = now + (boards.thorough ? ROWS_MS : pause);
	if (board->mark == NULL)
		board->thorough_at = now + pause;
	else if (boards.thorough)
		board->thorough_at = now + THOROUGH_MS;
	if (boards.alone)
		boards.alone_at = now + (took < ASKING_MOST_MS ? took : ASKING_MOST_MS);
	board->asked = false;
}

void
boards_take(const json_t *answer, int64_t now, int64_t took)
{
	const json_t *state;
	size_t i;

	json_array_foreach(answer, i, state)
	{
		Board *board = hold_for_change(json_string_value(json_object_get(state, "groupId")),
		                               json_is_true(json_object_get(state, "isStaff")));

		if (board == NULL)
			continue;
		take_state(board, state);
		board_release(board);
	}
	pthread_mutex_lock(&boards.lock);
	for (Board *board = TAILQ_FIRST(&boards.all); board != NULL; board = TAILQ_NEXT(board, others))
	{
		if (!board->asked)
			continue;
		/* so much may have changed of all of them that it is too large: then they come whole, one by one */
		if (answer == NULL)
		{
			free(board->mark);
			board->mark = NULL;
		}
		set_due(board, now, took);
	}
	pthread_mutex_unlock(&boards.lock);
}
