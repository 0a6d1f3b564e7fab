/*
 * auth.c
 *	  Bearer tokens.  Only the SHA-256 of a token leaves this file.
 */
#include "access/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>
#include <openssl/sha.h>

#include "base/text.h"

#define TOKEN_PREFIX "edr_"

/* Where a token begins, whatever stands before it; within other bearer values none does.  NULL: there is none. */
static const char *
find_token(const char *header)
{
	const char *token = header != NULL ? strstr(header, TOKEN_PREFIX) : NULL;

	while (token != NULL && token > header && strchr(" \t:=\"'", token[-1]) == NULL)
		token = strstr(token + 1, TOKEN_PREFIX);
	return token;
}

/*
 * Finds one of our tokens in the header Authorization and hashes it, as a bytea in text.  False for
 * everything else: other schemes and bearer values say nothing about who calls.  But who sends a token without
 * the scheme, or with another one, is told so.
 */
bool
auth_hash_token(const char *header, char hash[TOKEN_HASH_LENGTH], Failure *failure)
{
	static const char scheme[] = "Bearer";
	unsigned char digest[SHA256_DIGEST_LENGTH];
	const char *token = find_token(header);

	if (token == NULL)
		return false;
	header += strncasecmp(header, scheme, strlen(scheme)) == 0 ? strlen(scheme) : 0;
	if (*header != ' ' || header + strspn(header, " \t") != token)
		return failure_set(failure, EDURANGE_UNAUTHENTICATED,
		                   "the header Authorization must be \"Bearer\", a space and the token");
	if (SHA256((const unsigned char *) token, strcspn(token, " \t"), digest) == NULL)
		return false;
	memcpy(hash, "\\x", 2);
	for (int i = 0; i < SHA256_DIGEST_LENGTH; i++)
		snprintf(hash + 2 + 2 * i, 3, "%02x", digest[i]);
	return true;
}

static char *
copy_member(const json_t *row, const char *name)
{
	return text_copy(json_string_value(json_object_get(row, name)));
}

/* Takes over what the database knows of a token; false: a row of nulls, a token that it refuses. */
bool
auth_accept(const char *token_row, Identity *identity)
{
	json_t *row = json_loads(token_row, JSON_DECODE_ANY, NULL);
	const char *tier = json_string_value(json_object_get(row, "tier"));

	*identity = (Identity){.values[0] = copy_member(row, "id")};
	if (identity->values[0] != NULL && tier != NULL && tier_from_name(tier, &identity->tier) &&
	    identity->tier != TIER_NONE)
	{
		identity->with_token = true;
		identity->values[CALLER_USER] = copy_member(row, "userId");
		identity->values[CALLER_INSTANCE] = copy_member(row, "instanceId");
	}
	json_decref(row);
	return identity->with_token;
}

/* May it use what needs this tier? */
bool
auth_permits(const Identity *identity, Tier tier, Failure *failure)
{
	if (identity->tier >= tier)
		return true;
	return failure_set(failure,
	                   identity->with_token ? EDURANGE_FORBIDDEN : EDURANGE_UNAUTHENTICATED,
	                   "this needs a token of tier %s", tier_name(tier));
}

/* Lets a user act through a token of a service, which it must not be bound for. */
bool
auth_act(Identity *identity, const char *user_id, Failure *failure)
{
	if (!identity->with_token || identity->tier < TIER_SERVICE ||
	    identity->values[CALLER_USER] != NULL || identity->values[CALLER_INSTANCE] != NULL)
		return failure_set(failure, EDURANGE_FORBIDDEN,
		                   "X-Acting-User needs an unbound token of tier service or admin");
	identity->values[CALLER_ACTING] = strdup(user_id);
	return true;
}

/* A copy with values of its own. */
void
identity_copy(Identity *identity, const Identity *other)
{
	*identity = *other;
	for (int i = 0; i < CALLER_VALUES; i++)
		identity->values[i] = text_copy(other->values[i]);
}

/* Frees what an identity holds. */
void
identity_free(Identity *identity)
{
	for (int i = 0; i < CALLER_VALUES; i++)
		free(identity->values[i]);
	*identity = (Identity){.tier = TIER_NONE};
}
