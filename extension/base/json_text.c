/*
 * json_text.c
 *	  JSON as text: documents that come, parsed without repeating them in a message, and
 *	  members of objects that are written.
 */
#include "postgres.h"

#include <ctype.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/json_text.h"

/* Numbers that no double holds, or with more digits behind the point than this, are not for readers. */
#define LARGEST_EXPONENT "308"
#define MAX_SCALE EDURANGE_MOST_DIGITS

/* Lets somebody interrupt the parser, which else goes through a long list in one go. */
JSON_ACTION
at_element(void *state, bool is_null)
{
	CHECK_FOR_INTERRUPTS();
	JSON_ACTION_DONE;
}

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
	JsonSemAction actions = {.array_element_start = at_element};
	const char *json = json_text_begin(text);
	JsonLexContext *lexer = compat_json_lexer(unconstify(char *, json), (int) strlen(json), true);
	JsonParseErrorType error = pg_parse_json(lexer, &actions);

	if (error == JSON_UNICODE_CODE_POINT_ZERO)
		refuse(refusal, EDURANGE_INVALID_TEXT, "document holds the character \\u0000 in line %d",
		       lexer->line_number);
	else if (error != JSON_SUCCESS)
		refuse(refusal, EDURANGE_INVALID_JSON, "document is not JSON, see line %d",
		       lexer->line_number);
	return error == JSON_SUCCESS;
}

/* The end of the string that begins behind this place. */
static const char *
string_end(const char *at)
{
	for (at++; *at != '\0' && *at != '"'; at++)
		if (*at == '\\' && at[1] != '\0')
			at++;
	return at;
}

/*
 * Is there an exponent here, behind the digits of a number, that makes it much longer than it is written?  How
 * many digits that are is counted when it was parsed.
 */
static bool
is_huge_exponent(const char *text, const char *at)
{
	const char *digits = at + 1 + (at[1] == '-' || at[1] == '+');
	long most = EDURANGE_HIGHEST_EXPONENT - 1;
	long written = 0;

	for (const char *digit = at - 1;
	     digit >= text && (isdigit((unsigned char) *digit) || *digit == '.'); digit--)
	{
		written++;
		if (*digit != '0' && *digit != '.')
			most = EDURANGE_MOST_DIGITS;
	}
	if (most == EDURANGE_MOST_DIGITS)
		most = Min(most + written, EDURANGE_HIGHEST_EXPONENT - 1);
	digits += strspn(digits, "0");
	return strspn(digits, "0123456789") > 9 || strtol(digits, NULL, 10) > most;
}

/*
 * A value is the first of all, or one that a comma stands before, or the first of a list or an object that is not
 * empty.
 */
JsonMeasure
json_text_measure(const char *text)
{
	JsonMeasure measure = {.values = 1};

	for (const char *at = text; *at != '\0'; at++)
	{
		if (((at - text) & 0xffff) == 0)
			CHECK_FOR_INTERRUPTS();
		if (*at == '"')
		{
			at = string_end(at);
			if (*at == '\0')
				break;
		}
		else if (*at == ',')
			measure.values++;
		else if (*at == '[' || *at == '{')
		{
			char next = at[1 + strspn(at + 1, " \t\r\n")];

			measure.values += next != ']' && next != '}';
		}
		else if ((*at == 'e' || *at == 'E') && at > text && isdigit((unsigned char) at[-1]))
			measure.has_huge_number |= is_huge_exponent(text, at);
	}
	return measure;
}

/* May it be parsed? */
static bool
is_fit(const char *text, int most, Refusal *refusal)
{
	JsonMeasure measure;

	if (most == JSON_ANY)
		return true;
	measure = json_text_measure(text);
	if (measure.values > most)
		return refuse(refusal, EDURANGE_PAYLOAD_TOO_LARGE, "document has more than %d values",
		              most);
	return !measure.has_huge_number ||
	       refuse(refusal, EDURANGE_OUT_OF_RANGE, "document holds a number that is out of range");
}

/*
 * What the parser raises becomes a refusal, so that the caller can say of which document it is.  Parsing
 * holds nothing but memory: there is nothing to undo.
 */
Jsonb *
json_text_parse(const char *text, int most, Refusal *refusal)
{
	MemoryContext context = CurrentMemoryContext;
	Jsonb *volatile document = NULL;
	volatile int error = 0;

	if (!is_fit(text, most, refusal))
		return NULL;
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

bool
json_number_is_readable(Numeric number)
{
	Datum magnitude = DirectFunctionCall1(numeric_abs, NumericGetDatum(number));
	Datum largest = DirectFunctionCall3(numeric_in, CStringGetDatum("1e" LARGEST_EXPONENT),
	                                    ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	bool is_readable = DatumGetInt32(DirectFunctionCall2(numeric_cmp, magnitude, largest)) <= 0 &&
	                   DatumGetInt32(DirectFunctionCall1(numeric_scale, magnitude)) <= MAX_SCALE;

	pfree(DatumGetPointer(magnitude));
	pfree(DatumGetPointer(largest));
	return is_readable;
}

bool
json_numbers_are_readable(Jsonb *document)
{
	JsonbIterator *iterator = JsonbIteratorInit(&document->root);
	JsonbValue value;
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if ((token == WJB_VALUE || token == WJB_ELEM) && value.type == jbvNumeric &&
		    !json_number_is_readable(value.val.numeric))
			return false;
	}
	return true;
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

char *
json_excerpt(const char *text, int length)
{
	if (length <= LONGEST_EXCERPT)
		return pnstrdup(text, length);
	return psprintf("%.*s...", pg_mbcliplen(text, length, LONGEST_EXCERPT), text);
}

/* Ends a pointer that has become longer than what is quoted; nothing is added to it any more. */
static void
end_pointer(StringInfo pointer)
{
	if (pointer->len <= LONGEST_EXCERPT)
		return;
	pointer->len = pg_mbcliplen(pointer->data, pointer->len, LONGEST_EXCERPT);
	pointer->data[pointer->len] = '\0';
	appendStringInfoString(pointer, "...");
}

void
json_pointer_key(StringInfo pointer, const char *key, int length)
{
	if (pointer->len >= LONGEST_EXCERPT)
		return;
	appendStringInfoChar(pointer, '/');
	for (int i = 0; i < length && pointer->len <= LONGEST_EXCERPT + MAX_MULTIBYTE_CHAR_LEN; i++)
	{
		if (key[i] == '~' || key[i] == '/')
			appendStringInfoString(pointer, key[i] == '~' ? "~0" : "~1");
		else
			appendStringInfoChar(pointer, key[i]);
	}
	end_pointer(pointer);
}

void
json_pointer_place(StringInfo pointer, int64 place)
{
	if (pointer->len >= LONGEST_EXCERPT)
		return;
	appendStringInfo(pointer, "/" INT64_FORMAT, place);
	end_pointer(pointer);
}
