-- Prints what the simulated players of `make run` answer, with tabs: the questions of the sample competition, each with its
-- group challenge and a right answer as JSON, null where it is a flag, which is in nobody's document.  psql variables: group_id.
SET search_path = pg_catalog, pg_temp;
SELECT concat_ws(E'\t', q.id, g.id,
  CASE WHEN upper(q.type) = 'FLAG' THEN 'null'
       WHEN upper(q.type) = 'TEXT' AND jsonb_typeof(a.answer) = 'array' THEN (a.answer -> 0)::text
       ELSE a.answer::text END)
FROM public."GroupChallenge" g
JOIN public."ChallengeQuestion" q USING ("challengeId")
CROSS JOIN LATERAL (SELECT coalesce(q.cdf_payload #> '{config,answer}', q.cdf_payload -> 'answer', to_jsonb(q.answer))) a (answer)
WHERE g."groupId" = :'group_id'
ORDER BY g.id, q."order";
