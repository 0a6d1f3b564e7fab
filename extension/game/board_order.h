/*
 * board_order.h
 *	  Who stands before whom on a board, and who is first of equal totals: the tie-break.
 */
#ifndef EDURANGE_BOARD_ORDER_H
#define EDURANGE_BOARD_ORDER_H

/* The order of standings s: of equal totals the one that was reached first, then by ids. */
#define BOARD_ORDER "s.points DESC, s.reached_at, s.user_id"

#endif
