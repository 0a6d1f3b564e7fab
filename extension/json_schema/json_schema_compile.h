/*
 * json_schema_compile.h
 *	  The two halves of compiling a JSON schema: its rules, and where its references lead.
 */
#ifndef EDURANGE_JSON_SCHEMA_COMPILE_H
#define EDURANGE_JSON_SCHEMA_COMPILE_H

#include "postgres.h"

#include "json_schema/json_schema.h"

/* A schema that is being compiled, with all that it refers to. */
typedef struct Compiler Compiler;

/* A keyword's value; false: the schema has no such keyword. */
extern bool schema_keyword(const JsonbValue *schema, const char *name, JsonbValue *value);

/* Adds the rules of the keywords of a schema object without $ref, which the metaschema allows. */
extern void
build_rules(Compiler *compiler, Schema *schema, const JsonbValue *source, const char *base);

/* Raises schema_invalid where the compiled form would become too large with so many bytes more. */
extern void require_room(const Compiler *compiler, Size bytes);

/* Counts what a pattern takes beside that. */
extern void count_pattern(Compiler *compiler, const regex_t *regex);

/* The compiled form of a schema, whose base URI is given; the same one for the same place. */
extern Schema *compile_schema(Compiler *compiler, const JsonbValue *value, const char *base);

#endif
