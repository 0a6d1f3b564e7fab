/*
 * document.c
 *	  Reading challenge definitions.
 */
#include "postgres.h"

#include "cdf/document.h"
#include "cdf/document_check.h"
#include "json_schema/json_values.h"

/* What says which challenge it is and how large; import.schema.json lets nothing else come here. */
static void
identify(Document *document)
{
	JsonbValue root = json_root(document->json);
	JsonbValue metadata;
	JsonbValue components;
	JsonbValue member;
	JsonWalk walk;

	if (!json_value_member(&root, "metadata", 8, &metadata) ||
	    !json_value_member(&metadata, "id", 2, &member))
		elog(ERROR, "a valid document has no id");
	document->challenge_id = json_string(&member);
	if (!json_value_member(&metadata, "challenge_type", 14, &member) ||
	    !json_value_member(&root, "components", 10, &components))
		elog(ERROR, "a valid document has no challenge type or no components");
	document->challenge_type = json_string(&member);
	json_walk_begin(&walk, &components);
	while (json_walk_next(&walk))
	{
		char *type = json_value_member(&walk.value, "type", 4, &member) ? json_string(&member) : "";

		document->questions += strcmp(type, "question") == 0;
		document->apps += strcmp(type, "webosApp") == 0;
	}
}

bool
document_read(Document *document, const char *text, MemoryContext context, Refusal *refusal)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	char *violations;

	*document = (Document){.text = text, .json = document_parse(text, refusal)};
	MemoryContextSwitchTo(caller);
	if (document->json == NULL)
		return false;
	violations = document_violations(document->json, text);
	if (violations != NULL)
	{
		refusal->detail = violations;
		return refuse(refusal, EDURANGE_DOCUMENT_INVALID,
		              "document is not a valid challenge definition");
	}
	document->warnings = MemoryContextStrdup(context, document_warnings(document->json));
	MemoryContextSwitchTo(context);
	identify(document);
	MemoryContextSwitchTo(caller);
	return true;
}
