/*
 * sight.c
 *	  What somebody sees of a competition's board: nothing, all of it, or how it was when it was frozen.
 *
 * The clock is read after the snapshot was taken that the board is read with: as long as it says that there is
 * no freeze yet, nothing that the snapshot shows was written behind its beginning.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "base/arguments.h"
#include "base/rows.h"
#include "base/statements.h"
#include "game/sight.h"

typedef enum StatementId
{
	RULE,
	RULE_OF_BEFORE,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    [RULE] = {"SELECT visibility, CASE WHEN " IS_FROZEN " THEN freeze_at END"
              " FROM edurange.board_rule r WHERE group_id = $1",
              {TEXTOID},
              .reads = true,
              .by_key = true,
              .before = &statements[RULE_OF_BEFORE]},
    [RULE_OF_BEFORE] = {FINDS_NOTHING, {TEXTOID}, .reads = true},
};

/* Reads the rule. */
static void
read_rule(const char *group_id, Sight *sight)
{
	sight->visibility = "members";
	sight->until = value_null();
	if (STATEMENT_RUN(&statements[RULE], value_text(group_id)) == 0)
		return;
	if (!sight->is_staff)
		sight->until = row_argument(0, 2, TIMESTAMPTZOID);
	sight->visibility = row_text(0, 1);
}

Sight
board_sight_of(const char *group_id, bool is_staff)
{
	Sight sight = {.is_staff = is_staff};

	read_rule(group_id, &sight);
	return sight;
}

bool
board_sight(const Caller *caller, bool is_public, const char *group_id, Sight *sight,
            Refusal *refusal)
{
	*sight = (Sight){.is_staff = !is_public && caller->tier >= TIER_SERVICE};
	read_rule(group_id, sight);
	if (strcmp(sight->visibility, "public") == 0)
		return true;
	if (!is_public && !caller_takes_part(caller, group_id, refusal))
		return false;
	return (!is_public && (sight->is_staff || strcmp(sight->visibility, "staff") != 0)) ||
	       caller_sees_nothing(caller, group_id, refusal);
}
