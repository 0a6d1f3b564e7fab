/*
 * json_text.c
 *	  JSON documents that come as text, parsed without repeating them in a message.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/json_text.h"

/* Parses the text, or refuses it. */
static Jsonb *
parse(const char *text, Refusal *refusal)
{
	JsonLexContext *lexer = compat_json_lexer(unconstify(char *, text), (int) strlen(text), true);
	JsonParseErrorType error = pg_parse_json(lexer, &nullSemAction);

	if (error == JSON_SUCCESS)
		return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
	if (error == JSON_UNICODE_CODE_POINT_ZERO)
		refuse(refusal, EDURANGE_INVALID_TEXT, "document holds the character \\u0000 in line %d",
		       lexer->line_number);
	else
		refuse(refusal, EDURANGE_INVALID_JSON, "document is not JSON, see line %d",
		       lexer->line_number);
	return NULL;
}

/*
 * What the parser itself raises becomes a refusal, too, so that the caller can say of which document
 * it is.  Parsing holds nothing but memory, so that there is nothing to undo.
 */
Jsonb *
json_text_parse(const char *text, Refusal *refusal)
{
	MemoryContext context = CurrentMemoryContext;
	Jsonb *volatile document = NULL;

	PG_TRY();
	{
		document = parse(text, refusal);
	}
	PG_CATCH();
	{
		int code = geterrcode();

		if (code != ERRCODE_STATEMENT_TOO_COMPLEX && code != ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		FlushErrorState();
		if (code == ERRCODE_STATEMENT_TOO_COMPLEX)
			refuse(refusal, EDURANGE_TOO_DEEP, "document is nested too deeply");
		else
			refuse(refusal, EDURANGE_OUT_OF_RANGE, "document holds a number that is out of range");
	}
	PG_END_TRY();
	return document;
}
