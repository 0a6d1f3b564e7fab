/*
 * cdf_mapping.h
 *	  How a document maps to rows: pieces of SQL that importing and exporting share.
 *
 * In all of them $1 is the document, which breaks no rule, and $2 the challenge's id.
 */
#ifndef EDURANGE_CDF_MAPPING_H
#define EDURANGE_CDF_MAPPING_H

#define CDF_COMPONENTS                                                                             \
	"jsonb_array_elements(CASE WHEN jsonb_typeof($1 -> 'components') = 'array'"                    \
	" THEN $1 -> 'components' ELSE '[]' END) WITH ORDINALITY AS e (c, position)"

/*
 * The document's components of one type, by place.  Of a path the planner expects a thousand rows, of a
 * condition it would expect one, and then compare each with each.
 */
#define CDF_COMPONENTS_OF(type)                                                                    \
	"jsonb_path_query($1, 'strict $.components[*] ? (@.type == \"" type "\")', '{}', true)"        \
	" WITH ORDINALITY AS e (c, position)"

/* Their ids as keys of an object: the operator ? finds one quickly, whatever the planner expects. */
#define CDF_IDS_OF(type)                                                                           \
	"(SELECT coalesce(jsonb_object_agg(c ->> 'id', true), '{}') FROM " CDF_COMPONENTS_OF(type) ")"

/* The highest order that a document can give; retired questions stand above. */
#define CDF_HIGHEST_ORDER "1000000"

/* The document's questions n, as columns of "ChallengeQuestion". */
#define CDF_QUESTIONS                                                                              \
	"question AS MATERIALIZED (SELECT c ->> 'id' AS cdf_question_id,"                              \
	" coalesce((k ->> 'order')::numeric, row_number() OVER (ORDER BY position) - 1)::integer"      \
	"  AS position,"                                                                               \
	" k ->> 'text' AS content, upper(coalesce(k ->> 'type', k ->> 'question_type')) AS type,"      \
	" coalesce((k ->> 'points')::numeric, 0)::integer AS points,"                                  \
	" CASE jsonb_typeof(k -> 'answer') WHEN 'array' THEN k -> 'answer' ->> 0"                      \
	"  ELSE k ->> 'answer' END AS answer,"                                                         \
	" coalesce(k ->> 'title', left(k ->> 'text', 50)) AS title, k ->> 'format' AS format,"         \
	" k ->> 'hint' AS hint, coalesce((k ->> 'required')::boolean, true) AS required,"              \
	" k || jsonb_build_object('_cdf_component_id', c ->> 'id') AS cdf_payload"                     \
	" FROM " CDF_COMPONENTS_OF("question") ", LATERAL (SELECT c -> 'config') AS config (k))"

/*
 * Does the row q say something else than the question n of the document?  Of equal numbers, as JSON has them, 1.0 is
 * another answer than 1.
 */
#define CDF_QUESTION_DIFFERS                                                                       \
	"(q.\"order\", q.content, q.type, q.points, q.answer, q.title, q.format, q.hint, q.required,"  \
	" q.cdf_payload, (q.cdf_payload -> 'answer')::text) IS DISTINCT FROM (n.position, n.content,"  \
	" n.type, n.points, n.answer, n.title, n.format, n.hint, n.required, n.cdf_payload,"           \
	" (n.cdf_payload -> 'answer')::text)"

#define CDF_APP_ICON "'./icons/application.svg'"
#define CDF_APP_WIDTH "800"
#define CDF_APP_HEIGHT "600"
#define CDF_APP_SCREEN "'displayChrome'"

/* The document's apps n, as columns of "ChallengeAppConfig". */
#define CDF_APPS                                                                                   \
	"app AS MATERIALIZED (SELECT c ->> 'id' AS app_id, position,"                                  \
	" coalesce(k ->> 'title', c ->> 'id') AS title,"                                               \
	" coalesce(k ->> 'icon', " CDF_APP_ICON ") AS icon,"                                           \
	" coalesce((k ->> 'width')::numeric, " CDF_APP_WIDTH ")::integer AS width,"                    \
	" coalesce((k ->> 'height')::numeric, " CDF_APP_HEIGHT ")::integer AS height,"                 \
	" coalesce(k ->> 'screen', " CDF_APP_SCREEN ") AS screen,"                                     \
	" coalesce((k ->> 'disabled')::boolean, false) AS disabled,"                                   \
	" coalesce((k ->> 'favourite')::boolean, false) AS favourite,"                                 \
	" coalesce((k ->> 'desktop_shortcut')::boolean, false) AS desktop_shortcut,"                   \
	" coalesce((k ->> 'launch_on_startup')::boolean, false) AS launch_on_startup,"                 \
	" coalesce(k -> 'additional_config', k || jsonb_build_object('appId', c ->> 'id'))"            \
	"  AS additional_config"                                                                       \
	" FROM " CDF_COMPONENTS_OF("webosApp") ", LATERAL (SELECT c -> 'config') AS config (k))"

/* Does the row a say something else than the app n of the document? */
#define CDF_APP_DIFFERS                                                                            \
	"(a.title, a.icon, a.width, a.height, a.screen, a.disabled, a.favourite,"                      \
	" a.desktop_shortcut, a.launch_on_startup, a.additional_config) IS DISTINCT FROM (n.title,"    \
	" n.icon, n.width, n.height, n.screen, n.disabled, n.favourite, n.desktop_shortcut,"           \
	" n.launch_on_startup, n.additional_config)"

/* Are the challenge's apps the document's, in its order? */
#define CDF_APPS_STAND_AS_WRITTEN                                                                  \
	"(ARRAY(SELECT a.\"appId\" FROM public.\"ChallengeAppConfig\" a"                               \
	"  WHERE a.\"challengeId\" = $2 ORDER BY a.\"createdAt\", a.id)"                               \
	" = ARRAY(SELECT app_id FROM app ORDER BY position))"

/* The difficulty that the metadata m say. */
#define CDF_DIFFICULTY                                                                             \
	"CASE m ->> 'difficulty' WHEN 'beginner' THEN 'EASY' WHEN 'advanced' THEN 'HARD'"              \
	" WHEN 'expert' THEN 'EXPERT' ELSE 'MEDIUM' END"

#endif
