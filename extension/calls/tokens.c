/*
 * tokens.c
 *	  Bearer tokens.  A token is "edr_" and 256 random bits; only its SHA-256 is stored.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/arguments.h"
#include "base/ids.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/caller.h"
#include "calls/locks.h"

#define TOKEN_PREFIX "edr_"
#define TOKEN_BYTES 32
#define LIST_LIMIT 1000

#define TOKEN_COLUMNS                                                                              \
	"t.id, t.tier, t.label, t.user_id, t.instance_id, t.created_at, t.created_by, t.expires_at,"   \
	" t.revoked_at"

/* Their types, and places among them. */
static const Oid token_types[] = {TEXTOID,        TEXTOID, TEXTOID,        TEXTOID,       TEXTOID,
                                  TIMESTAMPTZOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID};
enum
{
	TOKEN_USER = 3,
	TOKEN_INSTANCE = 4
};

typedef enum StatementId
{
	INSTANCE_OWNER,
	INSERT_TOKEN,
	REVOKE,
	CREATED,
	LIST,
	AUTHENTICATE,
	OWNER,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* Held, after its user, until the token that is bound to it is written. */
    [INSTANCE_OWNER] = {"SELECT \"userId\" FROM public.\"ChallengeInstance\" WHERE id = $1"
                        " FOR KEY SHARE",
                        {TEXTOID}},
    /* $1 id, $2 SHA-256, $3 tier, $4 label, $5 user, $6 instance, $7 expiry, $8 creator */
    [INSERT_TOKEN] = {"INSERT INTO edurange.token (id, token_sha256, tier, label, user_id,"
                      " instance_id, expires_at, created_by, created_at)"
                      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp())",
                      {TEXTOID, BYTEAOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID,
                       TEXTOID},
                      .must_write = true},
    [REVOKE] = {"UPDATE edurange.token AS t"
                " SET revoked_at = coalesce(t.revoked_at, clock_timestamp()) WHERE t.id = $1"
                " RETURNING ROW(" TOKEN_COLUMNS ")::edurange.token_record",
                {TEXTOID}},
    [CREATED] = {"SELECT created_at FROM edurange.token WHERE id = $1",
                 {TEXTOID},
                 .reads = true,
                 .by_key = true},
    /* Newest first: $1 how many, null: all; $2 $3 behind which */
    [LIST] = {"SELECT " TOKEN_COLUMNS " FROM edurange.token t"
              " WHERE (t.created_at, t.id) < (coalesce($2, 'infinity'), coalesce($3, ''))"
              " ORDER BY t.created_at DESC, t.id DESC LIMIT $1",
              {INT4OID, TIMESTAMPTZOID, TEXTOID},
              .reads = true,
              .by_key = true},
    [AUTHENTICATE] = {"SELECT " TOKEN_COLUMNS " FROM edurange.token t"
                      " WHERE t.token_sha256 = $1 AND t.revoked_at IS NULL"
                      " AND (t.expires_at IS NULL OR t.expires_at > statement_timestamp())",
                      {BYTEAOID},
                      .reads = true,
                      .by_key = true},
    [OWNER] = {"SELECT \"userId\" FROM public.\"ChallengeInstance\" WHERE id = $1",
               {TEXTOID},
               .reads = true,
               .by_key = true},
};

/* A new secret: the prefix and the random bits in hexadecimal. */
static char *
new_secret(void)
{
	char random[TOKEN_BYTES];
	char *secret = palloc0(strlen(TOKEN_PREFIX) + 2 * TOKEN_BYTES + 1);

	random_bytes(random, sizeof(random));
	memcpy(secret, TOKEN_PREFIX, strlen(TOKEN_PREFIX));
	hex_encode(random, sizeof(random), secret + strlen(TOKEN_PREFIX));
	return secret;
}

/* The SHA-256 of a text as bytea. */
static Datum
sha256_of(const char *text)
{
	bytea *digest = palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	SET_VARSIZE(digest, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	if (context == NULL || pg_cryptohash_init(context) < 0 ||
	    pg_cryptohash_update(context, (const uint8 *) text, strlen(text)) < 0 ||
	    pg_cryptohash_final(context, (uint8 *) VARDATA(digest), PG_SHA256_DIGEST_LENGTH) < 0)
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not compute SHA-256")));
	pg_cryptohash_free(context);
	return PointerGetDatum(digest);
}

/* What a token is bound to must exist, and an instance must be its user's. */
static void
check_binding(const char *user_id, const char *instance_id)
{
	Refusal refusal = {0};

	if (user_id != NULL && !lock_user(user_id, &refusal))
		raise_refusal(&refusal);
	if (instance_id == NULL)
		return;
	if (STATEMENT_RUN(&statements[INSTANCE_OWNER], value_text(instance_id)) == 0)
		raise_error(EDURANGE_INSTANCE_NOT_FOUND, "instance \"%s\" does not exist", instance_id);
	if (user_id != NULL && strcmp(row_text(0, 1), user_id) != 0)
		raise_error(
		    EDURANGE_INVALID_PARAMETER,
		    "parameter \"instance_id\" names an instance of another user than parameter \"user_id\"");
}

/* An optional text argument, where empty is a mistake rather than absent. */
static char *
optional_id(FunctionCallInfo fcinfo, int argument, const char *name)
{
	char *value = optional_text(fcinfo, argument);

	if (value != NULL && value[0] == '\0')
		raise_error(EDURANGE_INVALID_PARAMETER, "parameter \"%s\" must not be empty", name);
	return value;
}

SQL_FUNCTION(edurange_create_token)
{
	char *tier = required_text(fcinfo, 0, "tier");
	char *label = required_text(fcinfo, 1, "label");
	NullableDatum expires = optional_time(fcinfo, 2, "expires");
	char *user_id = optional_id(fcinfo, 3, "user_id");
	char *instance_id = optional_id(fcinfo, 4, "instance_id");
	char *id = new_id();
	char *secret = new_secret();

	caller_check(fcinfo);
	if (strcmp(tier, "player") != 0 && strcmp(tier, "service") != 0 && strcmp(tier, "admin") != 0)
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"tier\" must be player, service or admin");
	if (!expires.isnull && DatumGetTimestampTz(expires.value) <= GetCurrentTimestamp())
		raise_error(EDURANGE_INVALID_PARAMETER, "parameter \"expires\" must be in the future");
	statements_begin();
	check_binding(user_id, instance_id);
	STATEMENT_RUN(&statements[INSERT_TOKEN], value_text(id),
	              (NullableDatum){.value = sha256_of(secret)}, value_text(tier), value_text(label),
	              value_text(user_id), value_text(instance_id), expires,
	              value_text(caller_role_actor()));
	statements_end();
	return composite_result(fcinfo,
	                        (NullableDatum[]){value_text(id), value_text(secret), value_text(tier),
	                                          value_text(label), value_text(user_id),
	                                          value_text(instance_id), expires},
	                        7);
}

SQL_FUNCTION(edurange_revoke_token)
{
	char *id = required_text(fcinfo, 0, "id");
	Datum row;

	caller_check(fcinfo);
	statements_begin();
	if (STATEMENT_RUN(&statements[REVOKE], value_text(id)) == 0)
		raise_error(EDURANGE_TOKEN_NOT_FOUND, "token \"%s\" does not exist", id);
	row = only_result();
	statements_end();
	PG_RETURN_DATUM(row);
}

/* The script of 0.0.9 knows neither "limit" nor before_id. */
SQL_FUNCTION(edurange_tokens)
{
	bool is_paged = PG_NARGS() > 1;
	NullableDatum limit = value_null();
	NullableDatum created = value_null();
	char *before = is_paged ? optional_text(fcinfo, 1) : NULL;

	if (is_paged && !PG_ARGISNULL(0))
		limit = value_int(int_between(fcinfo, 0, "limit", 1, LIST_LIMIT));
	caller_check(fcinfo);
	statements_begin();
	if (before != NULL)
	{
		if (STATEMENT_RUN(&statements[CREATED], value_text(before)) == 0)
			raise_error(EDURANGE_TOKEN_NOT_FOUND, "token \"%s\" does not exist", before);
		created = row_result(0, 1, TIMESTAMPTZOID);
	}
	STATEMENT_LIST(fcinfo, &statements[LIST], limit, created, value_text(before));
	statements_end();
	return (Datum) 0;
}

/* Whom a token is bound to that has no user of its own: the owner of its instance. */
static NullableDatum
bound_user(NullableDatum instance_id)
{
	NullableDatum user_id = {.isnull = true};

	if (!instance_id.isnull && STATEMENT_RUN(&statements[OWNER], instance_id) > 0)
		user_id = row_result(0, 1, TEXTOID);
	return user_id;
}

SQL_FUNCTION_BATCHABLE(edurange_authenticate_token)
{
	NullableDatum columns[lengthof(token_types)];
	bool found;

	require_argument(fcinfo, 0, "token_sha256");
	statements_begin();
	found = STATEMENT_RUN(&statements[AUTHENTICATE], fcinfo->args[0]) > 0;
	for (int i = 0; found && i < lengthof(columns); i++)
		columns[i] = row_result(0, i + 1, token_types[i]);
	if (found && columns[TOKEN_USER].isnull)
		columns[TOKEN_USER] = bound_user(columns[TOKEN_INSTANCE]);
	statements_end();
	if (!found)
		PG_RETURN_NULL();
	return composite_result(fcinfo, columns, lengthof(columns));
}
