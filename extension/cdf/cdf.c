/*
 * cdf.c
 *	  Documents in the Challenge Definition Format: importing, updating and exporting challenges.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/arguments.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/idempotency.h"
#include "cdf/cdf_export.h"
#include "cdf/cdf_rows.h"
#include "cdf/document.h"
#include "cdf/document_check.h"

typedef enum StatementId
{
	CHALLENGE_EXISTS,
	WARNINGS,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    [CHALLENGE_EXISTS] = {"SELECT 1 FROM public.\"Challenge\" WHERE id = $1", {TEXTOID}},
    [WARNINGS] = {"SELECT " WARNINGS_OF("$1"), {TEXTOID}, .reads = true},
};

/* Opens statements, reads and writes the document, and answers.  expected_id: it must be an update. */
static Datum
import_document(FunctionCallInfo fcinfo, const Caller *caller, const char *text,
                const char *pack_id, const char *expected_id)
{
	Document document;
	DocumentWrite write = {
	    .document = &document,
	    .pack_id = pack_id,
	    .acting_user = caller->acting_user,
	    .changes_any_pack = expected_id != NULL,
	};
	Refusal refusal = {0};
	MemoryContext context = CurrentMemoryContext;
	NullableDatum warnings;

	statements_begin();
	if (expected_id != NULL &&
	    STATEMENT_RUN(&statements[CHALLENGE_EXISTS], value_text(expected_id)) == 0)
		raise_error(EDURANGE_CHALLENGE_NOT_FOUND, "challenge \"%s\" does not exist", expected_id);
	if (!document_read(&document, text, context, &refusal))
		raise_refusal(&refusal);
	if (expected_id != NULL && strcmp(document.challenge_id, expected_id) != 0)
		raise_error(EDURANGE_CHALLENGE_MISMATCH,
		            "the document is of challenge \"%s\", not of \"%s\"", document.challenge_id,
		            expected_id);
	document_write(&write);
	STATEMENT_RUN(&statements[WARNINGS], value_text(document.warnings));
	warnings = row_result(0, 1, SPI_gettypeid(SPI_tuptable->tupdesc, 1));
	statements_end();
	return composite_result(fcinfo,
	                        (NullableDatum[]){value_text(document.challenge_id),
	                                          value_bool(write.created), value_bool(write.changed),
	                                          value_int(document.questions),
	                                          value_int(document.apps), warnings},
	                        6);
}

static Datum
cdf_import(FunctionCallInfo fcinfo, const Caller *caller)
{
	char *text = required_text(fcinfo, 0, "document");

	return import_document(fcinfo, caller, text, optional_text(fcinfo, 1), NULL);
}

SQL_FUNCTION_OF(edurange_cdf_import, DOCUMENT_BYTES)
{
	return mutate(fcinfo, cdf_import);
}

static Datum
cdf_update(FunctionCallInfo fcinfo, const Caller *caller)
{
	char *challenge_id = required_text(fcinfo, 0, "challenge_id");

	return import_document(fcinfo, caller, required_text(fcinfo, 1, "document"), NULL,
	                       challenge_id);
}

SQL_FUNCTION_OF(edurange_cdf_update, DOCUMENT_BYTES)
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
