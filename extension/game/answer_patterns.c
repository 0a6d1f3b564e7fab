/*
 * answer_patterns.c
 *	  Patterns that answers are held against.
 *
 * A pattern is compiled for each answer: it is short, and a question that is answered a thousand times an hour
 * is no reason to keep it.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "game/answer_patterns.h"
#include "text/ecma_regex.h"
#include "text/plain_text.h"

/* A compiled pattern; the engine's memory goes with the context that it lies in. */
typedef struct CompiledPattern
{
	regex_t regex;
	MemoryContextCallback freeing;
} CompiledPattern;

static void
free_regex(void *regex)
{
	pg_regfree(regex);
}

/* The fault, or NULL and the pattern compiled. */
static char *
compile_pattern(const char *pattern, CompiledPattern **compiled)
{
	char *text = comparable(pattern);
	char *fault;

	if (text_length(text) > LONGEST_PATTERN)
		return psprintf("it has more than %d characters", LONGEST_PATTERN);
	*compiled = palloc0(sizeof(CompiledPattern));
	fault = ecma_regex_compile_small(text, strlen(text), &(*compiled)->regex);
	if (fault != NULL)
		return fault;
	(*compiled)->freeing = (MemoryContextCallback){
	    .func = free_regex,
	    .arg = &(*compiled)->regex,
	};
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &(*compiled)->freeing);
	return NULL;
}

char *
answer_pattern_match(const char *pattern, const char *answer, bool *matches)
{
	MemoryContext context =
	    AllocSetContextCreate(CurrentMemoryContext, "edurange pattern", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	CompiledPattern *compiled = NULL;
	char *fault = compile_pattern(pattern, &compiled);

	*matches = fault == NULL && ecma_regex_matches(&compiled->regex, answer, strlen(answer));
	MemoryContextSwitchTo(caller);
	if (fault != NULL)
		fault = pstrdup(fault);
	MemoryContextDelete(context);
	return fault;
}
