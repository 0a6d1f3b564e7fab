/*
 * database.c
 *	  The lanes of one event loop.
 */
#include "database/database.h"

#include <stdlib.h>

#include "database/lane.h"

#define TEND_MS 10
#define MONITOR_MS 900 /* a probe is answered within a second, whatever hangs */

/* Each tier has a lane of each kind. */
#define LANES (TIER_COUNT * LANE_KINDS)

struct Database
{
	Lane lanes[LANES];
	TextArray scratch;
	int queue_length; /* of a lane */
	int64_t tended;
	bool busy;
};

/*
 * A loop's share of a number that the settings give for the whole process.  Where they give more than one it is at
 * least two: a lane with a second connection goes on while the first waits for a lock.
 */
static int
share_of(const Config *config, int number)
{
	int share = number / config->threads;

	return share > 1 ? share : number > 1 ? 2 : 1;
}

static Lane *
find_lane(Database *database, Tier tier, LaneKind kind)
{
	return &database->lanes[tier * LANE_KINDS + kind];
}

static bool
make_lane(Database *database, const Config *config, Loop *loop, Tier tier, LaneKind kind)
{
	Lane *lane = find_lane(database, tier, kind);

	*lane = (Lane){
	    .kind = kind,
	    .size = share_of(config, config->pool_size),
	    .patience = config->pool_timeout * 1000,
	};
	lane->owner = (ConnectionOwner){
	    .loop = loop,
	    .server = kind == LANE_REPLICA ? &config->read_connection : &config->connection,
	    .tier = tier,
	    /* the slow calls of services and admins write or read many rows: documents, packs, rosters, grades */
	    .statement_timeout = kind == LANE_SLOW && tier >= TIER_SERVICE ? config->import_timeout
	                                                                   : config->statement_timeout,
	    .scratch = &database->scratch,
	};
	if (kind == LANE_REPLICA)
		lane->fallback = find_lane(database, tier, LANE_READ);
	return lane_init(lane);
}

/* Makes the lanes; nothing is connected yet.  The configuration and the loop must outlive them. */
Database *
database_open(const Config *config, Loop *loop)
{
	Database *database = calloc(1, sizeof(Database));

	if (database == NULL)
		return NULL;
	database->queue_length = share_of(config, config->queue_length);
	for (int i = 0; i < LANES; i++)
		if (!make_lane(database, config, loop, (Tier) (i / LANE_KINDS),
		               (LaneKind) (i % LANE_KINDS)))
			return NULL;
	return database;
}

void
database_try_logins(Database *database)
{
	for (Tier tier = TIER_PLAYER; tier < TIER_COUNT; tier++)
		connection_open(&find_lane(database, tier, LANE_READ)->connections[0]);
}

void
database_submit(Database *database, DatabaseCall *call)
{
	Lane *lane = find_lane(database, call->tier, call->lane);

	call->submitted = now_ms();
	if (call->lane == LANE_MONITOR)
		call->run_ms = MONITOR_MS;
	call->expires = call->submitted + (call->run_ms > 0 ? call->run_ms : lane->patience);
	if (call->lane == LANE_REPLICA &&
	    (lane->owner.server->count == 0 || lane_is_away(lane, call->submitted)))
		lane = lane->fallback;
	/* of questions about tokens, probes and reads without a token no more wait than there are HTTP connections */
	if (call->tier != TIER_NONE && lane->waiting >= database->queue_length)
		call_fail(call, SQLSTATE_NOT_SENT);
	else
	{
		database->busy = true;
		lane_add(lane, call);
	}
}

void
database_send(Database *database)
{
	for (int i = 0; i < LANES; i++)
		if (database->lanes[i].first != NULL)
			lane_send(&database->lanes[i]);
}

int
database_tend(Database *database)
{
	int64_t now = now_ms();

	if (!database->busy)
		return -1;
	if (now - database->tended >= TEND_MS)
	{
		database->tended = now;
		database->busy = false;
		for (int i = 0; i < LANES; i++)
			database->busy = lane_tend(&database->lanes[i], now) || database->busy;
	}
	return TEND_MS;
}

void
database_close(Database *database)
{
	for (int i = 0; i < LANES; i++)
		lane_close(&database->lanes[i]);
}
