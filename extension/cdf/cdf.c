/*
 * cdf.c
 *	  Documents in the Challenge Definition Format: importing, updating and exporting challenges.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/arguments.h"
#include "base/compat.h"
#include "base/json_text.h"
#include "base/statements.h"
#include "calls/idempotency.h"
#include "cdf/cdf_export.h"
#include "cdf/cdf_rows.h"
#include "cdf/document_check.h"

typedef enum StatementId
{
	DOCUMENT_ID,
	CHALLENGE_EXISTS,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    [DOCUMENT_ID] = {"SELECT $1 #>> '{metadata,id}'", {JSONBOID}, .reads = true},
    [CHALLENGE_EXISTS] = {"SELECT 1 FROM public.\"Challenge\" WHERE id = $1", {TEXTOID}},
};

/* The document, parsed and found to break no rule. */
static Jsonb *
checked_document(const char *text)
{
	Refusal refusal = {0};
	Jsonb *document = json_text_parse(text, &refusal);

	if (document == NULL)
		raise_refusal(&refusal);
	refusal.detail = document_violations(document);
	if (refusal.detail != NULL)
	{
		refuse(&refusal, EDURANGE_DOCUMENT_INVALID, "document is not a valid challenge definition");
		raise_refusal(&refusal);
	}
	return document;
}

/* The id that the document gives its challenge. */
static char *
document_id(Jsonb *document)
{
	STATEMENT_RUN(&statements[DOCUMENT_ID], value_jsonb(document));
	return row_text(0, 1);
}

/* Opens statements, writes the document and answers. */
static Datum
import_document(FunctionCallInfo fcinfo, DocumentWrite *write, const char *expected_id)
{
	MemoryContext context = CurrentMemoryContext;
	char *id;

	statements_begin();
	if (expected_id != NULL &&
	    STATEMENT_RUN(&statements[CHALLENGE_EXISTS], value_text(expected_id)) == 0)
		raise_error(EDURANGE_CHALLENGE_NOT_FOUND, "challenge \"%s\" does not exist", expected_id);
	write->document = checked_document(write->text);
	id = document_id(write->document);
	if (expected_id != NULL && strcmp(id, expected_id) != 0)
		raise_error(EDURANGE_CHALLENGE_MISMATCH,
		            "the document is of challenge \"%s\", not of \"%s\"", id, expected_id);
	document_write(write);
	id = MemoryContextStrdup(context, id);
	statements_end();
	return composite_result(
	    fcinfo,
	    (NullableDatum[]){value_text(id), value_bool(write->created), value_bool(write->changed),
	                      value_int(write->questions.total), value_int(write->apps.total)},
	    5);
}

static Datum
cdf_import(FunctionCallInfo fcinfo, const Caller *caller)
{
	DocumentWrite write = {
	    .text = required_text(fcinfo, 0, "document"),
	    .pack_id = optional_text(fcinfo, 1),
	};

	return import_document(fcinfo, &write, NULL);
}

SQL_FUNCTION(edurange_cdf_import)
{
	return mutate(fcinfo, cdf_import);
}

static Datum
cdf_update(FunctionCallInfo fcinfo, const Caller *caller)
{
	char *challenge_id = required_text(fcinfo, 0, "challenge_id");
	DocumentWrite write = {
	    .text = required_text(fcinfo, 1, "document"),
	    .changes_any_pack = true,
	};

	return import_document(fcinfo, &write, challenge_id);
}

SQL_FUNCTION(edurange_cdf_update)
{
	return mutate(fcinfo, cdf_update);
}

SQL_FUNCTION(edurange_cdf_export)
{
	char *challenge_id = required_text(fcinfo, 0, "challenge_id");
	MemoryContext context = CurrentMemoryContext;
	Caller caller;
	char *document;

	caller_read(&caller, fcinfo, 1);
	statements_begin();
	document = document_of_challenge(challenge_id);
	if (document == NULL)
		raise_error(EDURANGE_CHALLENGE_NOT_FOUND, "challenge \"%s\" does not exist", challenge_id);
	document = MemoryContextStrdup(context, document);
	statements_end();
	PG_RETURN_TEXT_P(cstring_to_text(document));
}
