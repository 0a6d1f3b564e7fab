/*
 * semver.c
 *	  Semantic versions (2.0.0) and ranges of them as npm writes them.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/arguments.h"
#include "base/refusal.h"
#include "base/surface.h"
#include "packs/semver.h"

#define HIGHEST_NUMBER INT64CONST(9007199254740991) /* as npm, whose numbers are doubles */

/* A version with parts left out: as many as are given, 0 to 3. */
typedef struct Partial
{
	Version version;
	int parts;
} Partial;

/* How a version stands to one alternative of a range. */
typedef struct Match
{
	const Version *version;
	bool holds;            /* every comparator so far */
	bool names_prerelease; /* one of them, of the version's numbers */
} Match;

static bool
is_identifier_character(char c)
{
	return isalnum((unsigned char) c) || c == '-';
}

/* A number without leading zeros. */
static bool
read_number(const char **at, int64 *number)
{
	const char *start = *at;

	*number = 0;
	while (isdigit((unsigned char) **at))
	{
		*number = *number * 10 + (*(*at)++ - '0');
		if (*number > HIGHEST_NUMBER)
			return false;
	}
	return *at > start && (*start != '0' || *at == start + 1);
}

/* Identifiers joined by dots; numeric ones of a prerelease have no leading zeros. */
static bool
read_identifiers(const char **at, bool is_prerelease)
{
	for (;; ++*at)
	{
		const char *start = *at;
		bool numeric = true;

		for (; is_identifier_character(**at); ++*at)
			numeric &= isdigit((unsigned char) **at) != 0;
		if (*at == start || (is_prerelease && numeric && *start == '0' && *at > start + 1))
			return false;
		if (**at != '.')
			return true;
	}
}

/* What may follow three numbers. */
static bool
read_suffixes(const char **at, Version *version)
{
	if (**at == '-')
	{
		version->prerelease = ++*at;
		if (!read_identifiers(at, true))
			return false;
		version->prerelease_length = (int) (*at - version->prerelease);
	}
	if (**at != '+')
		return true;
	++*at;
	return read_identifiers(at, false);
}

bool
version_read(const char *text, Version *version)
{
	*version = (Version){0};
	for (int i = 0; i < 3; i++)
		if ((i > 0 && *text++ != '.') || !read_number(&text, &version->numbers[i]))
			return false;
	return read_suffixes(&text, version) && *text == '\0';
}

/* The length of the identifier that a list of them starts with. */
static int
identifier_length(const char *list, int length)
{
	const char *dot = memchr(list, '.', length);

	return dot != NULL ? (int) (dot - list) : length;
}

/* Numeric identifiers by value and before others, which go by their bytes. */
static int
compare_identifiers(const char *left, int left_length, const char *right, int right_length)
{
	bool left_numeric = strspn(left, "0123456789") >= left_length;
	bool right_numeric = strspn(right, "0123456789") >= right_length;
	int order;

	if (left_numeric != right_numeric)
		return left_numeric ? -1 : 1;
	if (left_numeric && left_length != right_length)
		return left_length - right_length;
	order = memcmp(left, right, Min(left_length, right_length));
	return order != 0 ? order : left_length - right_length;
}

/* A version with a prerelease comes before the one without. */
static int
compare_prereleases(const Version *left, const Version *right)
{
	const char *a = left->prerelease;
	const char *b = right->prerelease;
	int rest_a = left->prerelease_length;
	int rest_b = right->prerelease_length;

	if (rest_a == 0 || rest_b == 0)
		return (rest_a == 0) - (rest_b == 0);
	while (rest_a > 0 && rest_b > 0)
	{
		int length_a = identifier_length(a, rest_a);
		int length_b = identifier_length(b, rest_b);
		int order = compare_identifiers(a, length_a, b, length_b);

		if (order != 0)
			return order;
		a += length_a + 1;
		b += length_b + 1;
		rest_a -= length_a + 1;
		rest_b -= length_b + 1;
	}
	return rest_a - rest_b;
}

int
version_compare(const Version *left, const Version *right)
{
	for (int i = 0; i < 3; i++)
		if (left->numbers[i] != right->numbers[i])
			return left->numbers[i] < right->numbers[i] ? -1 : 1;
	return compare_prereleases(left, right);
}

/* A version with parts left out at the end, or written x, X or *. */
static bool
read_partial(const char **at, Partial *partial)
{
	bool open = false;

	*partial = (Partial){0};
	*at += **at == 'v' || **at == 'V';
	for (int i = 0; i < 3; i++)
	{
		if (i > 0 && **at != '.')
			return true;
		*at += i > 0;
		if (**at == 'x' || **at == 'X' || **at == '*')
		{
			open = true;
			++*at;
		}
		else if (!read_number(at, &partial->version.numbers[i]))
			return false;
		else if (open)
			partial->version.numbers[i] = 0;
		else
			partial->parts++;
	}
	if (!read_suffixes(at, &partial->version))
		return false;
	if (partial->parts < 3)
		partial->version.prerelease_length = 0;
	return true;
}

/* The version must stand to the bound as the relation says: '<', '>', 'l' (<=), 'g' (>=), '='. */
static void
require(Match *match, char relation, const Version *bound)
{
	int order = version_compare(match->version, bound);

	match->holds &= relation == '<'   ? order < 0
	                : relation == '>' ? order > 0
	                : relation == 'l' ? order <= 0
	                : relation == 'g' ? order >= 0
	                                  : order == 0;
	if (bound->prerelease_length > 0 &&
	    memcmp(bound->numbers, match->version->numbers, sizeof(bound->numbers)) == 0)
		match->names_prerelease = true;
}

/* The version must be at least the partial one, with zeros for what is left out. */
static void
require_from(Match *match, const Partial *partial)
{
	require(match, 'g', &partial->version);
}

/* The version must be before the next one in which the part (0: major) is raised, with prereleases. */
static void
require_before_next(Match *match, const Partial *partial, int part)
{
	Version next = {.prerelease = "0", .prerelease_length = 1};

	for (int i = 0; i <= part; i++)
		next.numbers[i] = partial->version.numbers[i];
	next.numbers[part]++;
	require(match, '<', &next);
}

/* What a relation makes of a version with parts left out. */
static void
require_partial(Match *match, char relation, const Partial *partial)
{
	Version bound = partial->version;

	if (relation == '<')
	{
		bound.prerelease = "0";
		bound.prerelease_length = 1;
	}
	if (relation == '>')
		match->holds &= partial->parts > 0;
	if (relation == '>' && partial->parts > 0)
		bound.numbers[partial->parts - 1]++;
	if (relation == '>' || relation == '<' || relation == 'g')
		require(match, relation == '<' ? '<' : 'g', &bound);
	else if (partial->parts > 0)
	{
		if (relation == '=')
			require_from(match, partial);
		require_before_next(match, partial, partial->parts - 1);
	}
}

/* ~1.2.3 holds up to 1.3, ^1.2.3 up to 2, ^0.2.3 up to 0.3, ^0.0.3 up to 0.0.4. */
static void
require_close(Match *match, char relation, const Partial *partial)
{
	int part = Min(partial->parts, 2) - 1;

	if (partial->parts == 0)
		return;
	if (relation == '^')
		for (part = 0; part < partial->parts - 1 && partial->version.numbers[part] == 0;)
			part++;
	require_from(match, partial);
	require_before_next(match, partial, part);
}

static void
skip_spaces(const char **at)
{
	while (isspace((unsigned char) **at))
		++*at;
}

/* The operator before a version; none is '='. */
static char
read_relation(const char **at)
{
	char relation = **at;

	if (relation == '\0' || strchr("<>=~^", relation) == NULL)
		return '=';
	++*at;
	if ((relation == '<' || relation == '>') && **at == '=')
		relation = relation == '<' ? 'l' : 'g';
	else if (relation != '~' || **at != '>')
		return relation;
	++*at;
	return relation;
}

/* Skips the hyphen of FROM - TO, which has spaces on both sides, if it is next. */
static bool
is_hyphen(const char **at)
{
	const char *next = *at;

	skip_spaces(&next);
	if (next == *at || *next != '-' || !isspace((unsigned char) next[1]))
		return false;
	next++;
	skip_spaces(&next);
	*at = next;
	return true;
}

/* One comparator, or FROM - TO. */
static bool
read_comparator(const char **at, Match *match)
{
	char relation = read_relation(at);
	Partial partial;

	skip_spaces(at);
	if (!read_partial(at, &partial))
		return false;
	if (relation == '=' && is_hyphen(at))
	{
		require_from(match, &partial);
		relation = 'l';
		if (!read_partial(at, &partial))
			return false;
	}
	if (relation == '~' || relation == '^')
		require_close(match, relation, &partial);
	else if (partial.parts == 3)
		require(match, relation, &partial.version);
	else
		require_partial(match, relation, &partial);
	return **at == '\0' || **at == '|' || isspace((unsigned char) **at);
}

bool
version_in_range(const Version *version, const char *range, bool *is_valid)
{
	bool found = false;

	*is_valid = false;
	for (const char *at = range;; at += 2)
	{
		Match match = {.version = version, .holds = true};

		skip_spaces(&at);
		while (*at != '\0' && *at != '|')
		{
			CHECK_FOR_INTERRUPTS();
			if (!read_comparator(&at, &match))
				return false;
			skip_spaces(&at);
		}
		found |= match.holds && (version->prerelease_length == 0 || match.names_prerelease);
		if (*at == '\0')
			break;
		if (at[1] != '|')
			return false;
	}
	*is_valid = true;
	return found;
}

SQL_FUNCTION_ANYWHERE(edurange_version_satisfies)
{
	char *text;
	Version version;
	bool is_valid;
	bool found;

	surface_bound(fcinfo, ARGUMENT_BYTES);
	text = required_text(fcinfo, 0, "version");
	if (!version_read(text, &version))
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"version\" must be a semantic version such as 1.2.3");
	require_argument(fcinfo, 1, "range");
	found = version_in_range(&version, optional_text(fcinfo, 1), &is_valid);
	if (!is_valid)
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"range\" must be a range of versions such as ^1.2.0");
	PG_RETURN_BOOL(found);
}
