/*
 * json_text.c
 *	  JSON as text: documents that come, parsed without repeating them in a message, and
 *	  members of objects that are written.
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/json_text.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

const char *
json_text_begin(const char *text)
{
	return strncmp(text, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0
	           ? text + strlen(BYTE_ORDER_MARK)
	           : text;
}

bool
json_text_check(const char *text, Refusal *refusal)
{
	const char *json = json_text_begin(text);
	JsonLexContext *lexer = compat_json_lexer(unconstify(char *, json), (int) strlen(json), true);
	JsonParseErrorType error = pg_parse_json(lexer, &nullSemAction);

	if (error == JSON_UNICODE_CODE_POINT_ZERO)
		refuse(refusal, EDURANGE_INVALID_TEXT, "document holds the character \\u0000 in line %d",
		       lexer->line_number);
	else if (error != JSON_SUCCESS)
		refuse(refusal, EDURANGE_INVALID_JSON, "document is not JSON, see line %d",
		       lexer->line_number);
	return error == JSON_SUCCESS;
}

/*
 * What the parser raises becomes a refusal, so that the caller can say of which document it is.  Parsing
 * holds nothing but memory: there is nothing to undo.
 */
Jsonb *
json_text_parse(const char *text, Refusal *refusal)
{
	MemoryContext context = CurrentMemoryContext;
	Jsonb *volatile document = NULL;
	volatile int error = 0;

	PG_TRY();
	{
		document =
		    DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json_text_begin(text))));
	}
	PG_CATCH();
	{
		error = geterrcode();
		if (error != ERRCODE_STATEMENT_TOO_COMPLEX && error != ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE &&
		    error != ERRCODE_INVALID_TEXT_REPRESENTATION &&
		    error != ERRCODE_UNTRANSLATABLE_CHARACTER)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();
	if (error == ERRCODE_STATEMENT_TOO_COMPLEX)
		refuse(refusal, EDURANGE_TOO_DEEP, "document is nested too deeply");
	else if (error == ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE)
		refuse(refusal, EDURANGE_OUT_OF_RANGE, "document holds a number that is out of range");
	else if (error != 0)
		(void) json_text_check(text, refusal); /* for the line */
	return document;
}

char *
json_member(const char *name, const char *value)
{
	StringInfoData out;

	initStringInfo(&out);
	escape_json(&out, name);
	appendStringInfoChar(&out, ':');
	escape_json(&out, value);
	return out.data;
}
