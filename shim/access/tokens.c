/*
 * tokens.c
 *	  What the database said of tokens, remembered for a moment.
 *
 * A token that was accepted is taken for granted for less than a second, counted from when the
 * question was asked, so that revocation and expiry take effect within a second everywhere.  While
 * it is in use it is asked for again before that, and nobody waits for it.  Of refused tokens
 * nothing is kept.  Each loop remembers for itself, in its own thread, without a lock.
 *
 * Anybody may send tokens, so the questions have a lane of their own: calls of whatever tier cannot
 * fill it, and a flood of unknown tokens keeps no call waiting.  Those that come together are one
 * statement, with one look-up in an index for each.
 */
#include "access/tokens.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024
#define ASK_AGAIN_MS 300
#define TRUST_MS 800
#define ASK_LIMIT_MS 2000

typedef struct Token
{
	struct Token *next; /* in its bucket */
	Tokens *tokens;
	char hash[TOKEN_HASH_LENGTH];
	char *values[1]; /* of the call: the hash */
	bool known;
	Identity identity; /* where known */
	int64_t known_at;  /* when that was asked, which is before the database looked */
	int64_t asked_at;  /* the question that is under way, or the last */
	bool asking;
	TokenWait *waiting;
	DatabaseCall call;
} Token;

struct Tokens
{
	Database *database;
	bool installed; /* the database has answered as it should */
	int64_t swept_at;
	Token *buckets[BUCKETS];
};

Tokens *
tokens_new(Database *database)
{
	Tokens *tokens = calloc(1, sizeof(Tokens));

	if (tokens != NULL)
		tokens->database = database;
	return tokens;
}

/* Forgets what is too old to be used and nobody waits for. */
static void
sweep(Tokens *tokens, int64_t now)
{
	tokens->swept_at = now;
	for (int i = 0; i < BUCKETS; i++)
	{
		for (Token **link = &tokens->buckets[i]; *link != NULL;)
		{
			Token *token = *link;

			if (token->asking || (token->known && now - token->known_at < TRUST_MS))
				link = &token->next;
			else
			{
				*link = token->next;
				identity_free(&token->identity);
				free(token);
			}
		}
	}
}

/* The bucket of a hash: its digits after "\x" are random already. */
static Token **
bucket_of(Tokens *tokens, const char *hash)
{
	char digits[9] = {0};

	memcpy(digits, hash + 2, sizeof(digits) - 1);
	return &tokens->buckets[strtoul(digits, NULL, 16) % BUCKETS];
}

/* Callback: the database has answered. */
static void
take_answer(void *closure, DatabaseResult *result)
{
	Token *token = closure;
	TokenWait *wait = token->waiting;

	token->asking = false;
	token->waiting = NULL;
	if (result->ok || sqlstate_error(result->sqlstate) == EDURANGE_NOT_INSTALLED)
		token->tokens->installed = result->ok;
	/* when the database is not reached, what is known stays until it is too old */
	if (result->ok)
	{
		identity_free(&token->identity);
		token->known = auth_accept(result->text, &token->identity);
		token->known_at = token->asked_at;
	}
	while (wait != NULL)
	{
		TokenWait *next = wait->next;

		wait->done(wait, result->ok && token->known ? &token->identity : NULL, result);
		wait = next;
	}
}

static void
ask(Token *token, int64_t now)
{
	token->asking = true;
	token->asked_at = now;
	token->values[0] = token->hash;
	token->call = (DatabaseCall){
	    .tier = TIER_NONE,
	    .lane = LANE_AUTHENTICATE,
	    .statement = STATEMENT_AUTHENTICATE,
	    .nvalues = 1,
	    .values = token->values,
	    .read_only = true,
	    .run_ms = ASK_LIMIT_MS,
	    .done = take_answer,
	    .closure = token,
	};
	database_submit(token->tokens->database, &token->call);
}

/* The token's entry, made where there is none; NULL when memory is short. */
static Token *
find_token(Tokens *tokens, const char *hash)
{
	Token **bucket = bucket_of(tokens, hash);
	Token *token;

	for (token = *bucket; token != NULL; token = token->next)
		if (strcmp(token->hash, hash) == 0)
			return token;
	token = calloc(1, sizeof(Token));
	if (token == NULL)
		return NULL;
	token->tokens = tokens;
	memcpy(token->hash, hash, sizeof(token->hash));
	token->next = *bucket;
	*bucket = token;
	return token;
}

const Identity *
tokens_find(Tokens *tokens, const char *hash, TokenWait *wait)
{
	int64_t now = now_ms();
	DatabaseResult nothing = {.sqlstate = SQLSTATE_NO_MEMORY};
	Token *token;
	bool known;

	if (now - tokens->swept_at > TRUST_MS)
		sweep(tokens, now);
	token = find_token(tokens, hash);
	if (token == NULL)
	{
		wait->done(wait, NULL, &nothing);
		return NULL;
	}
	known = token->known && now - token->known_at < TRUST_MS;
	if (!known)
	{
		wait->next = token->waiting;
		token->waiting = wait;
	}
	if (!token->asking && (!known || now - token->known_at > ASK_AGAIN_MS))
		ask(token, now);
	return known ? &token->identity : NULL;
}

bool
tokens_installed(const Tokens *tokens)
{
	return tokens->installed;
}
