/*
 * limiter.c
 *	  Wrong tokens, counted for each address.
 *
 * The table has a fixed size.  Addresses whose hashes fall into one bucket share its eight places; when
 * these are taken, the address whose minute began first is forgotten.  Who has so many addresses gets more
 * tries, at tokens of 256 random bits.
 *
 * Many clients can share an address.  A token that was right a while ago is looked at even when the
 * address has used up its tries, so that one of them cannot lock out the others.
 *
 * The lock guards both tables.  Whether there were wrong tokens at all is read without it, because every
 * request asks.
 */
#include "access/limiter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUCKETS 1024
#define PLACES 8
#define WINDOW_SECONDS 60
#define GOOD_TOKENS 4096
#define GOOD_SECONDS 600

typedef struct Entry
{
	Address address;
	int failures; /* 0: the place is free */
	time_t since;
} Entry;

typedef struct GoodToken
{
	uint64_t mark;
	time_t at;
} GoodToken;

static struct
{
	pthread_mutex_t lock;
	atomic_llong busy_until;
	Entry entries[BUCKETS][PLACES];
	GoodToken good[GOOD_TOKENS];
} limiter = {.lock = PTHREAD_MUTEX_INITIALIZER};

static time_t
now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

bool
limiter_is_busy(void)
{
	return now_seconds() < atomic_load(&limiter.busy_until);
}

/* The place of an address, or NULL. */
static Entry *
find(const Address *address, time_t now)
{
	Entry *bucket = limiter.entries[address_hash(address) % BUCKETS];

	for (int i = 0; i < PLACES; i++)
	{
		if (bucket[i].failures > 0 && now - bucket[i].since < WINDOW_SECONDS &&
		    address_equals(&bucket[i].address, address))
			return &bucket[i];
	}
	return NULL;
}

/* Some bits of a token's hash, which is hexadecimal behind two characters. */
static uint64_t
mark_of(const char *token_hash)
{
	char digits[17];

	memcpy(digits, token_hash + 2, 16);
	digits[16] = '\0';
	return strtoull(digits, NULL, 16);
}

int
limiter_wait(Address address, const char *token_hash, int limit)
{
	Address key = address_key(address);
	uint64_t mark = mark_of(token_hash);
	const GoodToken *good = &limiter.good[mark % GOOD_TOKENS];
	time_t now = now_seconds();
	const Entry *entry;
	int wait = 0;

	if (limit == 0)
		return 0;
	pthread_mutex_lock(&limiter.lock);
	entry = find(&key, now);
	if (entry != NULL && entry->failures >= limit &&
	    (good->mark != mark || now - good->at > GOOD_SECONDS))
		wait = (int) (entry->since + WINDOW_SECONDS - now);
	pthread_mutex_unlock(&limiter.lock);
	return wait;
}

void
limiter_failed(Address address)
{
	Address key = address_key(address);
	time_t now = now_seconds();
	Entry *entry;

	pthread_mutex_lock(&limiter.lock);
	entry = find(&key, now);
	if (entry == NULL)
	{
		Entry *bucket = limiter.entries[address_hash(&key) % BUCKETS];

		entry = &bucket[0];
		for (int i = 1; i < PLACES; i++)
		{
			if (bucket[i].since < entry->since)
				entry = &bucket[i];
		}
		*entry = (Entry){.address = key, .since = now};
	}
	entry->failures++;
	atomic_store(&limiter.busy_until, now + WINDOW_SECONDS);
	pthread_mutex_unlock(&limiter.lock);
}

void
limiter_accepted(const char *token_hash)
{
	uint64_t mark = mark_of(token_hash);

	pthread_mutex_lock(&limiter.lock);
	limiter.good[mark % GOOD_TOKENS] = (GoodToken){.mark = mark, .at = now_seconds()};
	pthread_mutex_unlock(&limiter.lock);
}
