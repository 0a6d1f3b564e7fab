/*
 * idempotency.c
 *	  Exactly once, however often a request comes: the key that comes with it decides.
 *
 * A key belongs to one function and one caller (the token, else the role).  Its row is written in the
 * transaction of what it stands for, so that there is never one without the other; a refusal leaves
 * none.  Of two requests with one key at the same time the second is refused at once: it never waits.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "common/hashfn.h"
#include "common/sha2.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "base/guc.h"
#include "base/own_locks.h"
#include "base/own_rows.h"
#include "base/rows.h"
#include "base/statements.h"
#include "calls/idempotency.h"

#define KEY_MAX_LENGTH 255

/* One of so many new keys of a session takes so many expired ones with it: more go than come. */
#define KEYS_PER_PURGE 16
#define PURGE_ROWS "64"

typedef enum StatementId
{
	FIND,
	STORE_ANEW,
	PURGE,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* $1 caller, $2 function, $3 key, here and below; $4 when the oldest key that counts was written.  What is
	 * there by now, whatever the snapshot of the transaction: the key's lock is held. */
    [FIND] = {"SELECT request_sha256, response, created_at > $4 FROM edurange.idempotency"
              " WHERE caller = $1 AND function = $2 AND key = $3",
              {TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID},
              .newest = true,
              .by_key = true},
    /* Where an expired one is in the way, if nobody has taken it meanwhile.  Others are written below SQL. */
    [STORE_ANEW] =
        {"INSERT INTO edurange.idempotency AS i"
         " (caller, function, key, request_sha256, response, created_at)"
         " VALUES ($1, $2, $3, $4, $5, $6)"
         " ON CONFLICT (caller, function, key) DO UPDATE SET created_at = excluded.created_at,"
         " request_sha256 = excluded.request_sha256, response = excluded.response",
         {TEXTOID, TEXTOID, TEXTOID, BYTEAOID, TEXTOID, TIMESTAMPTZOID},
         .by_key = true,
         .must_write = true},
    /* The oldest first: they are found by the index of times. */
    [PURGE] = {"DELETE FROM edurange.idempotency WHERE ctid = ANY (ARRAY("
               " SELECT ctid FROM edurange.idempotency WHERE created_at <= $1"
               " ORDER BY created_at LIMIT " PURGE_ROWS " FOR UPDATE SKIP LOCKED))",
               {TIMESTAMPTZOID},
               .by_key = true},
};

/* The columns, in the order of what is stored. */
static const OwnColumn columns[] = {
    {"caller", TEXTOID},          {"function", TEXTOID}, {"key", TEXTOID},
    {"request_sha256", BYTEAOID}, {"response", TEXTOID}, {"created_at", TIMESTAMPTZOID},
};

/* One request with a key. */
typedef struct Request
{
	NullableDatum caller;
	NullableDatum function;
	NullableDatum key;
	bytea *sha256;
	bool has_expired; /* the key was used before, so long ago that it does not count */
} Request;

/* Keys that were written at this time, or before, count no more. */
static NullableDatum
expiry(void)
{
	return value_time(GetCurrentTimestamp() - guc_idempotency_retention * (int64) USECS_PER_MINUTE);
}

/* The key, checked. */
static char *
read_key(FunctionCallInfo fcinfo)
{
	char *key = text_to_cstring(PG_GETARG_TEXT_PP(PG_NARGS() - 1));
	size_t length = strlen(key);

	for (size_t i = 0; i < length; i++)
		if ((unsigned char) key[i] < 0x20 || (unsigned char) key[i] > 0x7e)
			length = 0;
	if (length == 0 || length > KEY_MAX_LENGTH)
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"idempotency_key\" must have 1 to %d printable ASCII characters",
		            KEY_MAX_LENGTH);
	return key;
}

/* Adds one text to a hash so that no two lists of texts give the same bytes. */
static void
hash_text(pg_cryptohash_ctx *context, const char *text)
{
	uint32 length = text != NULL ? (uint32) strlen(text) : PG_UINT32_MAX;

	if (pg_cryptohash_update(context, (uint8 *) &length, sizeof(length)) < 0 ||
	    (text != NULL && pg_cryptohash_update(context, (const uint8 *) text, strlen(text)) < 0))
		elog(ERROR, "could not compute SHA-256");
}

/*
 * The SHA-256 of what is asked: every argument but the key, and of the caller whom it is bound to and who acts.  Arguments
 * are taken as text, which is the same in every session (guc_settle()).
 */
static bytea *
hash_request(FunctionCallInfo fcinfo, const Caller *caller)
{
	bytea *digest = palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
	Oid *types;
	int count;

	(void) get_func_signature(fcinfo->flinfo->fn_oid, &types, &count);
	if (context == NULL || pg_cryptohash_init(context) < 0)
		elog(ERROR, "could not compute SHA-256");
	for (int i = 0; i < count - 2; i++)
	{
		Oid output;
		bool is_varlena;

		getTypeOutputInfo(types[i], &output, &is_varlena);
		hash_text(context,
		          PG_ARGISNULL(i) ? NULL : OidOutputFunctionCall(output, PG_GETARG_DATUM(i)));
	}
	hash_text(context, caller->bound_user);
	hash_text(context, caller->bound_instance);
	/* (left out where nobody acts: then it is the hash that the version before has stored) */
	if (caller->acting_user != NULL)
		hash_text(context, caller->acting_user);
	SET_VARSIZE(digest, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	if (pg_cryptohash_final(context, (uint8 *) VARDATA(digest), PG_SHA256_DIGEST_LENGTH) < 0)
		elog(ERROR, "could not compute SHA-256");
	pg_cryptohash_free(context);
	return digest;
}

/* Takes the key's lock for the transaction, or says that somebody holds it. */
static void
lock_key(const Request *request)
{
	uint64 hash = 0;
	const NullableDatum *parts[] = {&request->caller, &request->function, &request->key};

	for (int i = 0; i < lengthof(parts); i++)
	{
		text *part = DatumGetTextPP(parts[i]->value);

		hash = hash_bytes_extended((unsigned char *) VARDATA_ANY(part), VARSIZE_ANY_EXHDR(part),
		                           hash + i);
	}
	if (!lock_take(LOCK_KEY, (int64) hash, false))
		raise_error(EDURANGE_IN_PROGRESS, "a request with this idempotency key is being processed");
}

/* The answer to the same request before, or NULL; another request with the key is an error. */
static char *
find_response(Request *request)
{
	bytea *known;

	if (STATEMENT_RUN(&statements[FIND], request->caller, request->function, request->key,
	                  expiry()) == 0)
		return NULL;
	request->has_expired = !row_bool(0, 3);
	if (request->has_expired)
		return NULL;
	known = row_bytes(0, 1);
	if (VARSIZE_ANY_EXHDR(known) != PG_SHA256_DIGEST_LENGTH ||
	    memcmp(VARDATA_ANY(known), VARDATA(request->sha256), PG_SHA256_DIGEST_LENGTH) != 0)
		raise_error(EDURANGE_IDEMPOTENCY_MISMATCH,
		            "the idempotency key was used for another request");
	return row_text(0, 2);
}

/* Keeps the answer with the key. */
static void
store(const Request *request, const char *response)
{
	const NullableDatum row[] = {request->caller,      request->function,
	                             request->key,         {.value = PointerGetDatum(request->sha256)},
	                             value_text(response), value_time(GetCurrentTimestamp())};
	OwnTable table;

	if (request->has_expired)
	{
		statement_run(&statements[STORE_ANEW], row, lengthof(row));
		return;
	}
	own_table_open(&table, "idempotency", columns, lengthof(columns));
	own_table_insert(&table, row);
	own_table_close(&table);
}

/* Runs the mutation and keeps its answer with the key. */
static Datum
run_and_store(FunctionCallInfo fcinfo, Mutation mutation, const Caller *caller,
              const Request *request)
{
	static unsigned int stored = 0;
	Datum result = mutation(fcinfo, caller);
	Oid output;
	bool is_varlena;
	char *response;

	getTypeOutputInfo(get_func_rettype(fcinfo->flinfo->fn_oid), &output, &is_varlena);
	response = OidOutputFunctionCall(output, result);
	statements_begin();
	store(request, response);
	if (stored++ % KEYS_PER_PURGE == 0)
		STATEMENT_RUN(&statements[PURGE], expiry());
	statements_end();
	return result;
}

/* The composite that a stored answer says. */
static Datum
read_response(FunctionCallInfo fcinfo, char *response)
{
	Oid type = get_func_rettype(fcinfo->flinfo->fn_oid);
	Oid input;
	Oid parameter;

	getTypeInputInfo(type, &input, &parameter);
	return OidInputFunctionCall(input, response, parameter, -1);
}

Datum
mutate(FunctionCallInfo fcinfo, Mutation mutation)
{
	MemoryContext context = CurrentMemoryContext;
	Caller caller;
	Request request = {0};
	char *response;

	caller_identify(&caller, fcinfo, PG_NARGS() - 2);
	/* what is answered outlives a crash, whatever a session, a role or a database has for synchronous_commit */
	ForceSyncCommit();
	if (PG_ARGISNULL(PG_NARGS() - 1))
	{
		caller_authorize(&caller, fcinfo);
		return mutation(fcinfo, &caller);
	}

	request.key = value_text(read_key(fcinfo));
	request.caller = value_text(caller.scope);
	request.function = value_text(get_func_name(fcinfo->flinfo->fn_oid));
	request.sha256 = hash_request(fcinfo, &caller);
	statements_begin();
	lock_key(&request);
	response = find_response(&request);
	if (response != NULL)
		response = MemoryContextStrdup(context, response);
	statements_end();
	if (response != NULL)
		return read_response(fcinfo, response);
	/* only now: what was done may have been the end of the authority to do it, as deleting a competition is */
	caller_authorize(&caller, fcinfo);
	return run_and_store(fcinfo, mutation, &caller, &request);
}
