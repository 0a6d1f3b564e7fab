/*
 * sqlstates.h
 *	  The SQLSTATEs that the shim acts on, and those by which it says what no server reported.
 *
 * A server would use the same ones, so that failure.c finds for either what the client reads.
 */
#ifndef EDURANGE_SHIM_SQLSTATES_H
#define EDURANGE_SHIM_SQLSTATES_H

#define SQLSTATE_LENGTH 6 /* the terminator included */

/* Of the shim's own: the statement was not sent, and did nothing. */
#define SQLSTATE_NOT_CONNECTED "08001" /* no connection could be opened */
#define SQLSTATE_NOT_WANTED "08003"    /* the client had gone away */
#define SQLSTATE_NOT_SENT "53300"      /* it waited too long, or too many wait */
#define SQLSTATE_NO_MEMORY "53200"

/* Of the shim's own: the statement was sent, and may have been committed. */
#define SQLSTATE_LOST "08006"      /* the connection ended */
#define SQLSTATE_NO_ANSWER "57014" /* in time; also the server's, when it cancelled the statement */

/* Of the shim's own: it was committed, and the answer has another form than the statement's. */
#define SQLSTATE_BROKEN "XX000"

/* The server's: nothing was done, and trying again may help. */
#define SQLSTATE_COLLIDED "40001"
#define SQLSTATE_DEADLOCK "40P01"
#define SQLSTATE_NOT_PREPARED "26000" /* somebody deallocated the statement */
#define SQLSTATE_CHANGED "0A000"      /* its row type is another one since it was prepared */

#endif
