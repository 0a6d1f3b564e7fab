/*
 * json_schema_refs.c
 *	  Making a JSON schema of draft-07 ready for use: what its $id and $ref name.
 *
 * The schema is walked through all places where the standard has schemas, so that every $id is known
 * before the first $ref is followed.  A schema that only a JSON pointer leads to is compiled when a
 * $ref names it.  Nothing is ever fetched.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"

#include "base/refusal.h"
#include "json_schema/json_schema_compile.h"
#include "json_schema/uri.h"

#define METASCHEMA_URI "http://json-schema.org/draft-07/schema"
#define LARGEST_COMPILED                                                                           \
	(32 * 1024 * 1024) /* bytes of a schema that has been compiled, with its patterns */

/* Where a URI leads to, and the base URI of that place. */
typedef struct Place
{
	const char *uri;
	JsonbValue value;
	const char *base;
	char status;
} Place;

#define SH_PREFIX places
#define SH_ELEMENT_TYPE Place
#define SH_KEY_TYPE const char *
#define SH_KEY uri
#define SH_HASH_KEY(table, key) hash_bytes((const unsigned char *) (key), (int) strlen(key))
#define SH_EQUAL(table, a, b) (strcmp((a), (b)) == 0)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* The compiled form of the schema object at an address. */
typedef struct CompiledPlace
{
	const JsonbContainer *address;
	Schema *schema;
	char status;
} CompiledPlace;

#define SH_PREFIX nodes
#define SH_ELEMENT_TYPE CompiledPlace
#define SH_KEY_TYPE const JsonbContainer *
#define SH_KEY address
#define SH_HASH_KEY(table, key) hash_bytes((const unsigned char *) &(key), sizeof(key))
#define SH_EQUAL(table, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct Compiler
{
	MemoryContext context; /* of what is compiled, but for the patterns ... */
	Size pattern_bytes;    /* ... which lie elsewhere */
	places_hash *places;
	nodes_hash *nodes;
	List *references; /* schemas whose $ref is still to be followed */
	Schema *anything; /* the schemas true and false */
	Schema *nothing;
	JsonbValue remotes;
	const JsonSchema *metaschema; /* NULL: it is the one that is compiled */
};

void
require_room(const Compiler *compiler, Size bytes)
{
	if (MemoryContextMemAllocated(compiler->context, false) + compiler->pattern_bytes + bytes >
	    LARGEST_COMPILED)
		raise_error(EDURANGE_SCHEMA_INVALID, "schema takes more than %d MiB of memory to be used",
		            LARGEST_COMPILED / 1024 / 1024);
}

void
count_pattern(Compiler *compiler, const regex_t *regex)
{
	compiler->pattern_bytes += ecma_regex_size(regex);
	require_room(compiler, 0);
}

/* Raises schema_invalid for the first violation of the metaschema. */
static void
refuse_schema(void *context, const char *path, const char *keyword, const char *message)
{
	raise_error(EDURANGE_SCHEMA_INVALID, "schema is not valid at \"%s\" (%s): %s", path, keyword,
	            message);
}

/* Holds the schema against the metaschema, on which the rest of this file relies. */
static void
check_schema(const Compiler *compiler, const JsonbValue *value)
{
	JsonbValue copy = *value;
	Jsonb *schema;

	if (compiler->metaschema == NULL)
		return;
	schema = JsonbValueToJsonb(&copy);
	(void) json_schema_check(compiler->metaschema, schema, false, refuse_schema, NULL);
	pfree(schema);
}

static void
add_place(Compiler *compiler, const char *uri, const JsonbValue *value, const char *base)
{
	bool found;
	Place *place = places_insert(compiler->places, uri, &found);

	if (found)
		return;
	place->value = *value;
	place->base = base;
}

/* ---- schemas ---- */

/* A keyword that has a string; false: it has none. */
static bool
string_keyword(const JsonbValue *schema, const char *name, JsonbValue *value)
{
	return schema_keyword(schema, name, value) && value->type == jbvString;
}

/* The base URI inside of a schema; a $ref makes draft-07 ignore all that stands beside it. */
static const char *
inner_base(const JsonbValue *source, const char *base)
{
	JsonbValue id;
	JsonbValue reference;
	char *fragment;

	if (!string_keyword(source, "$id", &id) || string_keyword(source, "$ref", &reference))
		return base;
	return uri_split(uri_resolve(base, json_string(&id)), &fragment);
}

/* Makes what the schema's $id names known, be it a document or a place in one. */
static void
add_id(Compiler *compiler, const JsonbValue *source, const char *base)
{
	JsonbValue id;
	char *fragment;
	char *uri;

	if (!string_keyword(source, "$id", &id))
		return;
	uri = uri_split(uri_resolve(base, json_string(&id)), &fragment);
	if (fragment != NULL && fragment[0] != '\0')
		uri = psprintf("%s#%s", uri, fragment);
	add_place(compiler, uri, source, base);
}

/* Compiles the definitions, so that their $id are known. */
static void
compile_definitions(Compiler *compiler, const JsonbValue *definitions, const char *base)
{
	JsonWalk walk;

	json_walk_begin(&walk, definitions);
	while (json_walk_next(&walk))
		(void) compile_schema(compiler, &walk.value, base);
}

/* Fills the compiled form of a schema object. */
static void
build_schema(Compiler *compiler, Schema *schema, const JsonbValue *source, const char *base)
{
	JsonbValue value;

	if (string_keyword(source, "$ref", &value))
	{
		schema->ref = uri_resolve(base, json_string(&value));
		compiler->references = lappend(compiler->references, schema);
	}
	else
	{
		add_id(compiler, source, base);
		base = inner_base(source, base);
		build_rules(compiler, schema, source, base);
	}
	if (schema_keyword(source, "definitions", &value) && json_kind(&value) == KIND_OBJECT)
		compile_definitions(compiler, &value, base);
}

Schema *
compile_schema(Compiler *compiler, const JsonbValue *value, const char *base)
{
	CompiledPlace *node;
	Schema *schema;
	bool found;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	require_room(compiler, 0);
	if (value->type == jbvBool)
		return value->val.boolean ? compiler->anything : compiler->nothing;
	node = nodes_insert(compiler->nodes, value->val.binary.data, &found);
	if (found)
		return node->schema;
	schema = palloc0(sizeof(Schema));
	node->schema = schema;
	build_schema(compiler, schema, value, base);
	return schema;
}

/* ---- references ---- */

/* The schema document with a URI that has not been seen yet: handed in, or the metaschema. */
static const Place *
find_document(Compiler *compiler, const char *uri)
{
	JsonbValue value;
	char *with_mark = psprintf("%s#", uri);
	const char *base = pstrdup(uri);

	if (!schema_keyword(&compiler->remotes, uri, &value) &&
	    !schema_keyword(&compiler->remotes, with_mark, &value))
	{
		if (strcmp(uri, METASCHEMA_URI) != 0 || compiler->metaschema == NULL)
			raise_error(EDURANGE_SCHEMA_UNKNOWN, "schema refers to \"%s\", which was not handed in",
			            uri);
		value = json_root(compiler->metaschema->schema);
	}
	else
		check_schema(compiler, &value);
	add_place(compiler, base, &value, base);
	(void) compile_schema(compiler, &value, base);
	return places_lookup(compiler->places, base);
}

/* Takes the first token off a JSON pointer, with its escapes undone; NULL at the end. */
static char *
next_token(char **pointer)
{
	char *token;
	char *out;

	if (**pointer != '/')
		return NULL;
	++*pointer;
	token = pnstrdup(*pointer, strcspn(*pointer, "/"));
	*pointer += strlen(token);
	out = token;
	for (const char *in = token; *in != '\0'; in++)
	{
		if (*in == '~' && (in[1] == '0' || in[1] == '1'))
			*out++ = *++in == '0' ? '~' : '/';
		else
			*out++ = *in;
	}
	*out = '\0';
	return token;
}

/* The position in an array that a token names, or -1. */
static int
position_in_array(const char *token, int count)
{
	size_t length = strlen(token);
	int position;

	if (length == 0 || length > 9 || strspn(token, "0123456789") != length ||
	    (length > 1 && token[0] == '0'))
		return -1;
	position = (int) strtol(token, NULL, 10);
	return position < count ? position : -1;
}

/* Follows a JSON pointer from a place on; false: it leads nowhere. */
static bool
follow_pointer(Place *place, char *pointer)
{
	char *token;

	while ((token = next_token(&pointer)) != NULL)
	{
		int kind = json_kind(&place->value);
		JsonbValue next;
		int position;

		if (kind == KIND_OBJECT)
		{
			if (!schema_keyword(&place->value, token, &next))
				return false;
			place->base = inner_base(&place->value, place->base);
		}
		else if (kind == KIND_ARRAY)
		{
			position = position_in_array(token, json_count(&place->value));
			if (position < 0)
				return false;
			next = *getIthJsonbValueFromContainer(place->value.val.binary.data, position);
		}
		else
			return false;
		place->value = next;
	}
	return *pointer == '\0';
}

/* The place that an absolute URI names; false: there is none. */
static bool
find_place(Compiler *compiler, const char *uri, Place *target)
{
	char *fragment;
	char *document = uri_split(uri, &fragment);
	const Place *place = places_lookup(compiler->places, document);

	if (place == NULL)
		place = find_document(compiler, document);
	if (fragment != NULL && fragment[0] != '\0' && fragment[0] != '/')
		place = places_lookup(compiler->places, uri);
	else if (fragment != NULL)
	{
		char *pointer = uri_decode(fragment);

		*target = *place;
		return pointer != NULL && follow_pointer(target, pointer);
	}
	if (place != NULL)
		*target = *place;
	return place != NULL;
}

/* The schema that an absolute URI names. */
static Schema *
resolve(Compiler *compiler, const char *uri)
{
	Place target;

	if (!find_place(compiler, uri, &target))
		raise_error(EDURANGE_SCHEMA_INVALID, "schema refers to \"%s\", which does not exist", uri);
	if (target.value.type == jbvBool)
		return compile_schema(compiler, &target.value, target.base);
	if (json_kind(&target.value) != KIND_OBJECT)
		raise_error(EDURANGE_SCHEMA_INVALID, "schema refers to \"%s\", which is no schema", uri);
	if (nodes_lookup(compiler->nodes, target.value.val.binary.data) == NULL)
		check_schema(compiler, &target.value);
	return compile_schema(compiler, &target.value, target.base);
}

/* Compiles the schema and all that it refers to. */
static Schema *
compile_all(Compiler *compiler, Jsonb *schema)
{
	JsonbValue value = json_root(schema);
	Schema *root;

	check_schema(compiler, &value);
	add_place(compiler, "", &value, "");
	root = compile_schema(compiler, &value, "");
	while (compiler->references != NIL)
	{
		Schema *reference = llast(compiler->references);

		compiler->references = list_delete_last(compiler->references);
		reference->target = resolve(compiler, reference->ref);
	}
	return root;
}

/* A copy in the current context. */
static Jsonb *
copy_jsonb(const Jsonb *source)
{
	return memcpy(palloc(VARSIZE(source)), source, VARSIZE(source));
}

JsonSchema *
json_schema_compile(Jsonb *schema, Jsonb *remotes, const JsonSchema *metaschema)
{
	MemoryContext context =
	    AllocSetContextCreate(CurrentMemoryContext, "edurange schema", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	JsonSchema *compiled = palloc0(sizeof(JsonSchema));
	Compiler compiler = {.context = context, .metaschema = metaschema};

	compiled->context = context;
	compiled->schema = copy_jsonb(schema);
	compiled->remotes = copy_jsonb(remotes);
	compiler.remotes = json_root(compiled->remotes);
	compiler.places = places_create(context, 64, NULL);
	compiler.nodes = nodes_create(context, 64, NULL);
	compiler.anything = palloc0(sizeof(Schema));
	compiler.nothing = palloc0(sizeof(Schema));
	compiler.nothing->never = true;
	compiled->root = compile_all(&compiler, compiled->schema);
	places_destroy(compiler.places);
	nodes_destroy(compiler.nodes);
	compiled->bytes = MemoryContextMemAllocated(context, false) + compiler.pattern_bytes;
	MemoryContextSwitchTo(caller);
	return compiled;
}
