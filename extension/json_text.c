/*
 * json_text.c
 *	  JSON documents that come as text, parsed without repeating them in a message.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "compat.h"
#include "json_text.h"

Jsonb *
json_text_parse(const char *text, Refusal *refusal)
{
	JsonLexContext *lexer = compat_json_lexer(unconstify(char *, text), (int) strlen(text));
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
