/*
 * assertions.h
 *	  What edurange.assertions() lists, by what becomes of service without it; for statement tables.
 *
 * The one place that decides it.  It asks for kind and name alone, which the install script of before has, too.
 */
#ifndef EDURANGE_ASSERTIONS_H
#define EDURANGE_ASSERTIONS_H

/* The triggers without which totals and memberships change unseen. */
#define IS_RECORDER "(kind = 'trigger' AND starts_with(name, 'edurange_group_'))"

/*
 * Functions fail without it, or record nothing.  All else is for others, who write the tables or copy them,
 * for speed or for safety: health() names it, and service goes on.
 */
#define STOPS_SERVICE                                                                                                  \
	"(kind IN ('table', 'migration', 'identity', 'owner', 'shape') OR kind = 'grant' AND NOT starts_with(name, 'no ')" \
	" OR " IS_RECORDER ")"

/* What is more open than it should be, which migrate() leaves to whose it is: a warning. */
#define IS_WARNING "kind = 'exposure'"

#endif
