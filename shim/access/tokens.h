/*
 * tokens.h
 *	  What the database said of tokens, remembered for a moment.
 */
#pragma once

#include "access/auth.h"
#include "database/database.h"

typedef struct Tokens Tokens;

/* Somebody who waits for what the database says.  It must stay until done is called. */
typedef struct TokenWait
{
	struct TokenWait *next;
	/* identity is NULL when the token is refused, or the database was not reached: !result->ok */
	void (*done)(struct TokenWait *wait, const Identity *identity, const DatabaseResult *result);
} TokenWait;

extern Tokens *tokens_new(Database *database);

/* Who a token stands for if that is known, or NULL; then done is called, later. */
extern const Identity *tokens_find(Tokens *tokens, const char *hash, TokenWait *wait);

/* Is it known that the database has what it needs to know tokens?  Asking for NO_TOKEN finds out. */
extern bool tokens_installed(const Tokens *tokens);
#define NO_TOKEN "\\x" /* the hash of none */
