/*
 * cdf_rows.c
 *	  Writing a document into the rows of its challenge.
 *
 * A question is the same question as before when its component has the same id, wherever it stands
 * now, so that attempts and completions stay with what they were for.  A row without a component's
 * id is taken for the question that stands in its place.  What a new document lacks is deleted, or
 * retired when somebody worked at it.
 *
 * The challenge's row is locked first, so that imports come one after the other.  All questions are
 * locked before any is judged or changed: whoever answers one holds its row, so either the attempt
 * is there when it is decided what may go, or it waits and meets the new questions.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "base/json_text.h"
#include "base/rows.h"
#include "base/shapes.h"
#include "base/refusal.h"
#include "base/statements.h"
#include "cdf/cdf_export.h"
#include "cdf/cdf_mapping.h"
#include "cdf/cdf_rows.h"
#include "game/activity.h"
#include "game/retired.h"

typedef enum StatementId
{
	LOCK_PACK,
	INSERT_TYPE,
	INSERT_CHALLENGE,
	LOCK_CHALLENGE,
	LINK_PACK,
	UPDATE_CHALLENGE,
	LOCK_QUESTIONS,
	FORGET_REPEATED,
	NAME_QUESTIONS,
	NAMED_AGAIN,
	REVIVE_QUESTIONS,
	DELETE_QUESTIONS,
	MOVE_QUESTIONS,
	MOVE_LAST,
	RETIRE_QUESTIONS,
	UPDATE_QUESTIONS,
	INSERT_QUESTIONS,
	HOLD_DONE,
	STILL_DONE,
	COMPLETE_CHALLENGES,
	DELETE_APPS,
	WRITE_APPS,
	KEEP_DOCUMENT,
	STATEMENT_COUNT
} StatementId;

/* The challenge's questions q that the document lacks and that are not retired yet. */
#define LACKING                                                                                    \
	"q.\"challengeId\" = $2 AND " QUESTION_IS_LIVE " AND (q.cdf_question_id IS NULL"               \
	"  OR NOT " CDF_IDS_OF("question") " ? q.cdf_question_id)"

/* The ids that the challenge's questions have, as keys of an object. */
#define PRESENT_IDS                                                                                \
	"(SELECT coalesce(jsonb_object_agg(o.cdf_question_id, true), '{}')"                            \
	" FROM public.\"ChallengeQuestion\" o WHERE o.\"challengeId\" = $2"                            \
	" AND o.cdf_question_id IS NOT NULL)"

/*
 * Members who have completed all that the challenge $1 still needs, in competitions that have not ended, and what its
 * questions paid them since their last reset (game/completions.c).
 * Each part stands apart, so that no plan goes through all placements or the completions of all other challenges.
 */
#define DONE                                                                                       \
	"live AS (SELECT q.id, q.required FROM public.\"ChallengeQuestion\" q"                         \
	"  WHERE q.\"challengeId\" = $1 AND " QUESTION_IS_LIVE "),"                                    \
	" needed AS (SELECT id FROM live WHERE required OR NOT EXISTS"                                 \
	"  (SELECT FROM live WHERE required)),"                                                        \
	" done AS (SELECT qc.\"userId\", gc.id, gc.\"groupId\","                                       \
	"  least(sum(qc.\"pointsEarned\"), 2147483647)::integer AS points"                             \
	"  FROM (SELECT p.id, p.\"groupId\" FROM public.\"GroupChallenge\" p"                          \
	"   JOIN public.\"CompetitionGroup\" g ON g.id = p.\"groupId\""                                \
	"   WHERE p.\"challengeId\" = $1 AND (g.\"endDate\" IS NULL"                                   \
	"    OR g.\"endDate\" AT TIME ZONE 'UTC' > statement_timestamp()) OFFSET 0) AS gc"             \
	"  CROSS JOIN LATERAL (SELECT c.\"userId\", c.\"questionId\", CASE WHEN NOT EXISTS (SELECT"    \
	"    FROM edurange.standing s WHERE s.group_id = gc.\"groupId\" AND s.user_id = c.\"userId\""  \
	"    AND s.reset_at >= c.\"completedAt\" AT TIME ZONE 'UTC') THEN c.\"pointsEarned\""          \
	"    ELSE 0 END AS \"pointsEarned\""                                                           \
	"   FROM public.\"QuestionCompletion\" c WHERE c.\"groupChallengeId\" = gc.id"                 \
	"   AND EXISTS (SELECT FROM public.\"_GroupMembers\" m"                                        \
	"    WHERE m.\"A\" = gc.\"groupId\" AND m.\"B\" = c.\"userId\") OFFSET 0) AS qc"               \
	"  GROUP BY 1, 2, 3 HAVING count(*) FILTER (WHERE qc.\"questionId\" IN"                        \
	"   (SELECT id FROM needed)) = nullif((SELECT count(*) FROM needed), 0))"

/* After so many turns it is a trigger that keeps the row out, not somebody who deletes it. */
#define LOCK_TURNS 10

/* $1 document, $2 challenge, unless it says otherwise */
static Statement statements[STATEMENT_COUNT] = {
    /* The pack is held before its challenge. */
    [LOCK_PACK] = {"SELECT 1 FROM public.\"ChallengePack\" WHERE id = $1 FOR KEY SHARE", {TEXTOID}},
    [INSERT_TYPE] =
        {"INSERT INTO public.\"ChallengeType\" (id, name)"
         " SELECT edurange.new_id(), $1 WHERE NOT EXISTS (SELECT"
         " FROM public.\"ChallengeType\" WHERE name = $1) ON CONFLICT (name) DO NOTHING",
         {TEXTOID}},
    /* $1 id, $2 type; the rest follows in UPDATE_CHALLENGE, under the row's lock. */
    [INSERT_CHALLENGE] = {"INSERT INTO public.\"Challenge\""
                          " (id, name, \"challengeTypeId\", \"createdAt\", \"updatedAt\")"
                          " SELECT $1, '', id, now, now FROM public.\"ChallengeType\", " CLOCK_ROW
                          " WHERE name = $2 AND NOT EXISTS (SELECT FROM public.\"Challenge\""
                          " WHERE id = $1) ON CONFLICT (id) DO NOTHING",
                          {TEXTOID, TEXTOID},
                          .by_key = true},
    /* Imports of a challenge come one after the other; $1 challenge */
    [LOCK_CHALLENGE] = {"SELECT pack_id FROM public.\"Challenge\" WHERE id = $1 FOR NO KEY UPDATE",
                        {TEXTOID},
                        .by_key = true},
    /* $1 challenge, $2 pack */
    [LINK_PACK] = {"UPDATE public.\"Challenge\" SET pack_id = $2, pack_challenge_id = id,"
                   " \"updatedAt\" = " UTC_CLOCK " WHERE id = $1"
                   " AND (pack_id, pack_challenge_id) IS DISTINCT FROM ($2, id)",
                   {TEXTOID, TEXTOID},
                   .by_key = true},
    [UPDATE_CHALLENGE] =
        {"UPDATE public.\"Challenge\" AS c SET name = m ->> 'name',"
         " description = m ->> 'description', difficulty = n.difficulty,"
         " \"challengeTypeId\" = t.id, cdf_version = m ->> 'version', cdf_content = $1,"
         " \"updatedAt\" = " UTC_CLOCK " FROM (SELECT $1 -> 'metadata') AS metadata (m), LATERAL"
         "  (SELECT (" CDF_DIFFICULTY ")::public.\"ChallengeDifficulty\") AS n (difficulty),"
         " public.\"ChallengeType\" t WHERE c.id = $2 AND t.name = m ->> 'challenge_type'"
         " AND (c.name, c.description, c.difficulty, c.\"challengeTypeId\", c.cdf_version,"
         "  c.cdf_content::text) IS DISTINCT FROM (m ->> 'name', m ->> 'description', n.difficulty,"
         "  t.id, m ->> 'version', $1::text)",
         {JSONBOID, TEXTOID},
         .by_key = true},
    /* After the challenge, and all of them before any is judged; $1 challenge */
    [LOCK_QUESTIONS] = {"SELECT 1 FROM public.\"ChallengeQuestion\" WHERE \"challengeId\" = $1"
                        " ORDER BY id FOR UPDATE",
                        {TEXTOID},
                        .by_key = true},
    /* Rows of others may repeat a component's id; the first keeps it. $1 challenge */
    [FORGET_REPEATED] = {"UPDATE public.\"ChallengeQuestion\" SET cdf_question_id = NULL,"
                         " \"updatedAt\" = " UTC_CLOCK
                         " WHERE id = ANY (ARRAY(SELECT id FROM (SELECT q.id, row_number() OVER"
                         "  (PARTITION BY q.cdf_question_id"
                         "   ORDER BY " QUESTION_IS_RETIRED ", q.\"order\") AS n"
                         "  FROM public.\"ChallengeQuestion\" q WHERE q.\"challengeId\" = $1"
                         "  AND q.cdf_question_id IS NOT NULL) AS repeated WHERE n > 1))",
                         {TEXTOID},
                         .by_key = true},
    [NAME_QUESTIONS] = {"WITH " CDF_QUESTIONS " UPDATE public.\"ChallengeQuestion\" AS q"
                        " SET cdf_question_id = n.cdf_question_id,"
                        " \"updatedAt\" = " UTC_CLOCK " FROM question n"
                        " WHERE q.\"challengeId\" = $2 AND q.cdf_question_id IS NULL"
                        " AND q.\"order\" = n.position AND " QUESTION_IS_LIVE
                        " AND NOT " PRESENT_IDS " ? n.cdf_question_id",
                        {JSONBOID, TEXTOID},
                        .by_key = true},
    /* The questions that were retired and that the document has again. */
    [NAMED_AGAIN] = {"WITH " CDF_QUESTIONS " SELECT array_agg(r.question_id)"
                     " FROM edurange.retired_question r, public.\"ChallengeQuestion\" q, question n"
                     " WHERE r.challenge_id = $2 AND q.id = r.question_id"
                     " AND q.\"challengeId\" = $2"
                     " AND n.cdf_question_id = q.cdf_question_id",
                     {JSONBOID, TEXTOID},
                     .by_key = true},
    /* $1 questions, $2 challenge */
    [REVIVE_QUESTIONS] = {"DELETE FROM edurange.retired_question"
                          " WHERE question_id = ANY ($1) AND challenge_id = $2",
                          {TEXTARRAYOID, TEXTOID},
                          .by_key = true},
    [DELETE_QUESTIONS] = {"DELETE FROM public.\"ChallengeQuestion\" q"
                          " WHERE " LACKING " AND NOT " QUESTION_IS_WORKED_AT,
                          {JSONBOID, TEXTOID},
                          .by_key = true},
    /* Out of the way of each other: the key on order holds at every row. */
    [MOVE_QUESTIONS] = {"WITH " CDF_QUESTIONS ", moved AS MATERIALIZED (SELECT q.id,"
                        "  (-2147483648 + row_number() OVER (ORDER BY q.\"order\"))::integer"
                        "   AS position FROM public.\"ChallengeQuestion\" q"
                        "  LEFT JOIN question n ON n.cdf_question_id = q.cdf_question_id"
                        "  WHERE q.\"challengeId\" = $2 AND " QUESTION_IS_LIVE
                        "  AND q.\"order\" IS DISTINCT FROM n.position)"
                        " UPDATE public.\"ChallengeQuestion\" AS u SET \"order\" = moved.position"
                        " FROM moved WHERE u.id = moved.id AND u.\"challengeId\" = $2",
                        {JSONBOID, TEXTOID},
                        .by_key = true},
    /* Behind all others. */
    [MOVE_LAST] =
        {"WITH lacking AS MATERIALIZED (SELECT q.id, row_number() OVER"
         "  (ORDER BY q.\"order\") AS n FROM public.\"ChallengeQuestion\" q WHERE " LACKING "),"
         " last (place) AS (SELECT greatest(max(q.\"order\"), " CDF_HIGHEST_ORDER ")"
         "  FROM public.\"ChallengeQuestion\" q WHERE q.\"challengeId\" = $2"
         "  AND " QUESTION_IS_RETIRED "),"
         " moved AS (UPDATE public.\"ChallengeQuestion\" AS u SET required = false,"
         " \"order\" = (last.place + lacking.n)::integer,"
         " \"updatedAt\" = " UTC_CLOCK
         " FROM lacking, last WHERE u.id = lacking.id AND u.\"challengeId\" = $2 RETURNING u.id)"
         " SELECT array_agg(id) FROM moved",
         {JSONBOID, TEXTOID},
         .by_key = true},
    /* $1 questions, $2 challenge */
    [RETIRE_QUESTIONS] =
        {"INSERT INTO edurange.retired_question (question_id, challenge_id, retired_at)"
         " SELECT id, $2, clock_timestamp() FROM unnest($1) AS q (id)",
         {TEXTARRAYOID, TEXTOID}},
    [UPDATE_QUESTIONS] = {"WITH " CDF_QUESTIONS " UPDATE public.\"ChallengeQuestion\" AS q"
                          " SET content = n.content, type = n.type, points = n.points,"
                          " answer = n.answer, \"order\" = n.position, title = n.title,"
                          " format = n.format, hint = n.hint, required = n.required,"
                          " cdf_payload = n.cdf_payload,"
                          " \"updatedAt\" = " UTC_CLOCK
                          " FROM question n WHERE q.\"challengeId\" = $2"
                          " AND q.cdf_question_id = n.cdf_question_id AND " CDF_QUESTION_DIFFERS,
                          {JSONBOID, TEXTOID},
                          .by_key = true},
    [INSERT_QUESTIONS] = {"WITH " CDF_QUESTIONS " INSERT INTO public.\"ChallengeQuestion\" (id,"
                          " \"challengeId\", content, type, points, answer, \"order\", title,"
                          " format, hint, required, cdf_question_id, cdf_payload, \"createdAt\","
                          " \"updatedAt\") SELECT edurange.new_id(), $2, n.content, n.type,"
                          " n.points, n.answer, n.position, n.title, n.format, n.hint, n.required,"
                          " n.cdf_question_id, n.cdf_payload, now, now FROM question n, " CLOCK_ROW
                          " WHERE NOT " PRESENT_IDS " ? n.cdf_question_id",
                          {JSONBOID, TEXTOID},
                          .by_key = true},
    /* Holds for whom it is to be completed, and where: two lists that go together. */
    [HOLD_DONE] = {"WITH " DONE ", held AS (SELECT d.\"userId\", d.id FROM done d"
                   "  JOIN public.\"User\" u ON u.id = d.\"userId\""
                   "  JOIN public.\"GroupChallenge\" gc ON gc.id = d.id"
                   "  ORDER BY u.id, gc.id FOR SHARE OF u FOR KEY SHARE OF gc)"
                   " SELECT array_agg(\"userId\"), array_agg(id) FROM held",
                   {TEXTOID},
                   .by_key = true},
    /* Of these users $2 in placements $3 those of whom it is so still: some may have been reset, or have left. */
    [STILL_DONE] = {"WITH " DONE " SELECT array_agg(d.\"userId\"), array_agg(d.id),"
                    " array_agg(d.\"groupId\"), array_agg(d.points) FROM done d"
                    " WHERE (d.\"userId\", d.id) IN (SELECT * FROM unnest($2, $3))",
                    {TEXTOID, TEXTARRAYOID, TEXTARRAYOID},
                    .newest = true,
                    .by_key = true},
    /* $1 users, $2 placements, $3 their competitions, $4 points */
    [COMPLETE_CHALLENGES] =
        {"WITH done AS (SELECT * FROM unnest($1, $2, $3, $4) AS d (user_id, id, group_id, points)),"
         " made AS (INSERT INTO public.\"ChallengeCompletion\" (id, \"userId\","
         "  \"groupChallengeId\", \"pointsEarned\", \"completedAt\")"
         "  SELECT edurange.new_id(), d.user_id, d.id, d.points, now FROM done d, " CLOCK_ROW
         "  ON CONFLICT (\"userId\", \"groupChallengeId\") DO NOTHING"
         "  RETURNING \"userId\", \"groupChallengeId\", \"pointsEarned\")"
         " SELECT m.\"userId\", d.group_id, d.id, m.\"pointsEarned\" FROM made m"
         " JOIN done d ON d.user_id = m.\"userId\" AND d.id = m.\"groupChallengeId\""
         " ORDER BY 1, 3",
         {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID},
         .by_key = true},
    [DELETE_APPS] = {"DELETE FROM public.\"ChallengeAppConfig\" a WHERE a.\"challengeId\" = $2"
                     " AND NOT " CDF_IDS_OF("webosApp") " ? a.\"appId\"",
                     {JSONBOID, TEXTOID},
                     .by_key = true},
    /* createdAt keeps the document's order: a millisecond apart, anew when the order changes. */
    [WRITE_APPS] =
        {"WITH " CDF_APPS ", standing (as_written) AS (SELECT " CDF_APPS_STAND_AS_WRITTEN "),"
         " written AS (INSERT INTO public.\"ChallengeAppConfig\" AS a (id, \"challengeId\","
         "  \"appId\", title, icon, width, height, screen, disabled, favourite,"
         "  desktop_shortcut, launch_on_startup, additional_config, \"createdAt\","
         "  \"updatedAt\")"
         "  SELECT edurange.new_id(), $2, n.app_id, n.title, n.icon, n.width, n.height,"
         "   n.screen, n.disabled, n.favourite, n.desktop_shortcut, n.launch_on_startup,"
         "   n.additional_config, now + n.position * interval '1 ms', now"
         "  FROM app n CROSS JOIN standing CROSS JOIN " CLOCK_ROW
         "  LEFT JOIN public.\"ChallengeAppConfig\" a"
         "   ON a.\"challengeId\" = $2 AND a.\"appId\" = n.app_id"
         "  WHERE NOT as_written OR a.id IS NULL OR " CDF_APP_DIFFERS
         "  ON CONFLICT (\"challengeId\", \"appId\") DO UPDATE SET"
         "  title = excluded.title, icon = excluded.icon, width = excluded.width,"
         "  height = excluded.height, screen = excluded.screen,"
         "  disabled = excluded.disabled, favourite = excluded.favourite,"
         "  desktop_shortcut = excluded.desktop_shortcut,"
         "  launch_on_startup = excluded.launch_on_startup,"
         "  additional_config = excluded.additional_config,"
         "  \"createdAt\" = CASE WHEN (SELECT as_written FROM standing)"
         "   THEN a.\"createdAt\" ELSE excluded.\"createdAt\" END,"
         "  \"updatedAt\" = excluded.\"updatedAt\" RETURNING a.\"appId\")"
         " SELECT count(*) FILTER (WHERE NOT EXISTS (SELECT"
         "  FROM public.\"ChallengeAppConfig\" a WHERE a.\"challengeId\" = $2"
         "  AND a.\"appId\" = w.\"appId\"))::integer, count(*)::integer FROM written w",
         {JSONBOID, TEXTOID},
         .by_key = true},
    /* $1 challenge, $2 text */
    [KEEP_DOCUMENT] = {"INSERT INTO edurange.cdf_document AS d (challenge_id, document,"
                       " imported_at) VALUES ($1, $2, clock_timestamp())"
                       " ON CONFLICT (challenge_id) DO UPDATE"
                       " SET document = excluded.document, imported_at = excluded.imported_at"
                       " WHERE d.document <> excluded.document",
                       {TEXTOID, TEXTOID},
                       .by_key = true},
};

/* Makes the challenge's row if there is none and locks it; returns the pack that it belongs to. */
static char *
lock_challenge(DocumentWrite *write, NullableDatum challenge_id, NullableDatum type)
{
	if (write->pack_id != NULL &&
	    STATEMENT_RUN(&statements[LOCK_PACK], value_text(write->pack_id)) == 0)
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"pack_id\" names the pack \"%s\", which is not installed",
		            write->pack_id);
	/* Each turn somebody else has deleted it meanwhile. */
	for (int turn = 0; turn < LOCK_TURNS; turn++)
	{
		CHECK_FOR_INTERRUPTS();
		STATEMENT_RUN(&statements[INSERT_TYPE], type);
		write->created = STATEMENT_RUN(&statements[INSERT_CHALLENGE], challenge_id, type) > 0;
		if (STATEMENT_RUN(&statements[LOCK_CHALLENGE], challenge_id) > 0)
			return row_text_or_null(0, 1);
	}
	row_kept_out("public.\"Challenge\" or public.\"ChallengeType\"");
}

/*
 * Completes the challenge for those who have nothing left to do; how many.  They are held against being reset before it
 * is decided who that is: a completion of what a reset has taken would stand for points that nobody has.
 */
static uint64
insert_completions(NullableDatum challenge_id)
{
	NullableDatum users;
	NullableDatum points;

	STATEMENT_RUN(&statements[HOLD_DONE], challenge_id);
	users = row_argument(0, 1, TEXTARRAYOID);
	if (users.isnull)
		return 0;
	STATEMENT_RUN(&statements[STILL_DONE], challenge_id, users, row_argument(0, 2, TEXTARRAYOID));
	points = row_argument(0, 4, INT4ARRAYOID);
	if (points.isnull)
		return 0;
	return STATEMENT_RUN(&statements[COMPLETE_CHALLENGES], row_argument(0, 1, TEXTARRAYOID),
	                     row_argument(0, 2, TEXTARRAYOID), row_argument(0, 3, TEXTARRAYOID),
	                     points);
}

/* Writes the completions of those who have nothing left to do, and logs them. */
static void
complete_challenges(const DocumentWrite *write)
{
	uint64 count = insert_completions(value_text(write->document->challenge_id));
	Activity *entries = palloc0(sizeof(Activity) * Max(count, 1));

	for (uint64 row = 0; row < count; row++)
		entries[row] = (Activity){
		    .event_type = "CHALLENGE_COMPLETED",
		    .user_id = row_text(row, 1),
		    .group_id = row_text(row, 2),
		    .challenge_id = write->document->challenge_id,
		    .acting_user = write->acting_user,
		    .metadata =
		        psprintf("%s,\"pointsEarned\":%d",
		                 json_member("groupChallengeId", row_text(row, 3)), row_int(row, 4)),
		};
	/* what its statement holds goes with each: a class may be large */
	for (uint64 row = 0; row < count; row++)
	{
		statements_begin();
		activity_log(&entries[row]);
		statements_end();
	}
}

/* Makes room: questions that the document lacks go, or retire. */
static void
remove_questions(DocumentWrite *write, NullableDatum document, NullableDatum challenge_id)
{
	STATEMENT_RUN(&statements[LOCK_QUESTIONS], challenge_id);
	STATEMENT_RUN(&statements[FORGET_REPEATED], challenge_id);
	STATEMENT_RUN(&statements[NAME_QUESTIONS], document, challenge_id);
	STATEMENT_RUN(&statements[NAMED_AGAIN], document, challenge_id);
	write->questions.added = (int32) STATEMENT_RUN(&statements[REVIVE_QUESTIONS],
	                                               row_argument(0, 1, TEXTARRAYOID), challenge_id);
	write->questions.removed =
	    (int32) STATEMENT_RUN(&statements[DELETE_QUESTIONS], document, challenge_id);
	STATEMENT_RUN(&statements[MOVE_QUESTIONS], document, challenge_id);
	STATEMENT_RUN(&statements[MOVE_LAST], document, challenge_id);
	write->questions.removed += (int32) STATEMENT_RUN(
	    &statements[RETIRE_QUESTIONS], row_argument(0, 1, TEXTARRAYOID), challenge_id);
}

/* Brings the challenge's questions in line with the document. */
static void
write_questions(DocumentWrite *write, NullableDatum document, NullableDatum challenge_id)
{
	RowCounts *counts = &write->questions;

	if (!write->created)
	{
		remove_questions(write, document, challenge_id);
		counts->changed =
		    (int32) STATEMENT_RUN(&statements[UPDATE_QUESTIONS], document, challenge_id) -
		    counts->added;
	}
	counts->added += (int32) STATEMENT_RUN(&statements[INSERT_QUESTIONS], document, challenge_id);
	if (counts->removed + counts->changed > 0)
		complete_challenges(write);
}

/* Brings the challenge's apps in line with the document. */
static void
write_apps(DocumentWrite *write, NullableDatum document, NullableDatum challenge_id)
{
	RowCounts *counts = &write->apps;

	counts->removed = (int32) STATEMENT_RUN(&statements[DELETE_APPS], document, challenge_id);
	STATEMENT_RUN(&statements[WRITE_APPS], document, challenge_id);
	counts->added = row_int(0, 1);
	counts->changed = row_int(0, 2) - counts->added;
}

/* Does the challenge say this very text, as it is now that it is locked? */
static bool
says_text(const DocumentWrite *write)
{
	char *present;

	PushActiveSnapshot(GetTransactionSnapshot());
	present = document_of_challenge(write->document->challenge_id);
	PopActiveSnapshot();
	return present != NULL && strcmp(present, write->document->text) == 0;
}

void
document_write(DocumentWrite *write)
{
	NullableDatum document = value_jsonb(write->document->json);
	NullableDatum challenge_id = value_text(write->document->challenge_id);
	NullableDatum type = value_text(write->document->challenge_type);
	char *present_pack = lock_challenge(write, challenge_id, type);

	if (present_pack != NULL && write->pack_id != NULL && strcmp(present_pack, write->pack_id) != 0)
		raise_error(EDURANGE_CHALLENGE_EXISTS, "challenge \"%s\" belongs to pack \"%s\"",
		            write->document->challenge_id, present_pack);
	if (write->pack_id != NULL)
		write->changed =
		    STATEMENT_RUN(&statements[LINK_PACK], challenge_id, value_text(write->pack_id)) > 0;
	if (write->pack_id != NULL && present_pack == NULL && !write->changed)
		row_kept_out("public.\"Challenge\"");
	if (!write->created && says_text(write))
		return;
	if (present_pack != NULL && write->pack_id == NULL && !write->changes_any_pack)
		raise_error(EDURANGE_CHALLENGE_EXISTS, "challenge \"%s\" belongs to pack \"%s\"",
		            write->document->challenge_id, present_pack);
	write->changed = true;
	STATEMENT_RUN(&statements[UPDATE_CHALLENGE], document, challenge_id);
	write_questions(write, document, challenge_id);
	write_apps(write, document, challenge_id);
	STATEMENT_RUN(&statements[KEEP_DOCUMENT], challenge_id, value_text(write->document->text));
	/* what a trigger keeps out, or writes otherwise, would be imported again and again */
	if (!says_text(write))
		schema_changed("a trigger keeps rows of challenge \"%s\" from being written as its document"
		               " says",
		               write->document->challenge_id);
}
