-- Lists of challenges, and single questions.
CALL testing.fresh();
CALL testing.knots();
CALL testing.quiz();
CALL testing.packed();
SELECT points FROM edurange.add_competition_challenge('autumn', 'knots', 0);
SELECT id, name, description, pack_id, pack_name, pack_version, challenge_type_name, challenge_type_id IS NOT NULL AS has_type,
  created_at <= updated_at AS times FROM edurange.challenges();
SELECT c.id, c.difficulty, l."nextCursor" FROM edurange.challenge_list() l, unnest(l.challenges) c;
SELECT (SELECT array_agg(c.id) FROM unnest(l.challenges) c), l."nextCursor" FROM edurange.challenge_list("limit" => 2) l;
SELECT (SELECT array_agg(c.id) FROM unnest(l.challenges) c), l."nextCursor" FROM edurange.challenge_list("limit" => 2, cursor => 'packed') l;
SELECT (SELECT array_agg(c.id) FROM unnest(l.challenges) c) FROM edurange.challenge_list(type => 'web') l;
SELECT (SELECT array_agg(c.id) FROM unnest(l.challenges) c) FROM edurange.challenge_list(difficulty => 'hard') l;
SELECT (SELECT array_agg(c.id) FROM unnest(l.challenges) c) FROM edurange.challenge_list(pack_id => 'pack') l;
SELECT (SELECT array_agg(c.id) FROM unnest(l.challenges) c) FROM edurange.challenge_list(group_id => 'autumn') l;
SELECT (SELECT array_agg(c.id) FROM unnest(l.challenges) c) FROM edurange.challenge_list(search => 'UNTIE') l;
SELECT (SELECT array_agg(c.id) FROM unnest(l.challenges) c) FROM edurange.challenge_list(search => '%') l;
SELECT l.challenges, l."nextCursor" FROM edurange.challenge_list(type => 'nothing') l;
SELECT edurange.wire(l) FROM edurange.challenge_list(type => 'nothing') l;
SELECT testing.refused($$SELECT edurange.challenge_list("limit" => 0)$$);
SELECT testing.refused($$SELECT edurange.challenge_list("limit" => 501)$$);
SELECT testing.refused($$SELECT edurange.challenge_list(difficulty => 'VERY_HARD')$$);
-- every page once, whatever its size
CREATE FUNCTION testing.pages(size integer) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  page edurange.challenge_page;
BEGIN
  LOOP
    SELECT * INTO page FROM edurange.challenge_list("limit" => size, cursor => page."nextCursor");
    RETURN QUERY SELECT c.id FROM unnest(page.challenges) c;
    EXIT WHEN page."nextCursor" IS NULL;
  END LOOP;
END
$$;
SELECT array_agg(p) FROM testing.pages(1) p;
SELECT array_agg(p) FROM testing.pages(3) p;
-- a question, as far as the caller may see it
SELECT content, type, points, answer, cdf_payload -> 'answer' AS listed FROM edurange.question_details(testing.q('list'));
SELECT testing.q('list') AS list, testing.q('flag') AS flag \gset
SET ROLE edurange_player;
SELECT content, type, points, answer, cdf_payload FROM edurange.question_details(:'list');
SELECT answer, cdf_payload FROM edurange.question_details(:'flag');
RESET ROLE;
SELECT testing.refused($$SELECT edurange.question_details(NULL)$$);
SELECT testing.refused($$SELECT edurange.question_details('nothing')$$);
-- a page ends early behind 2 MiB of what was answered or noted, with a cursor that goes on
INSERT INTO "QuestionAttempt" (id, "questionId", "userId", "groupChallengeId", answer, "isCorrect", "attemptedAt")
  SELECT 'large' || n, testing.q('text'), 'ada', testing.gc(), repeat('x', 1000000), false, timestamp '2030-01-01' - n * interval '1 s' FROM generate_series(1, 4) n;
SELECT array_agg(a.id) FILTER (WHERE a.id LIKE 'large%') AS of_a_user, p."nextCursor" LIKE '%-large3' AS goes_on FROM edurange.attempts('spring', 'ada', "limit" => 500) p, unnest(attempts) a GROUP BY p."nextCursor";
SELECT array_agg(a.id) FILTER (WHERE a.id LIKE 'large%') AS of_all, p."nextCursor" LIKE '%-large3' AS goes_on FROM edurange.attempts('spring', "limit" => 500) p, unnest(attempts) a GROUP BY p."nextCursor";
SELECT array_agg(a.id ORDER BY a.n) FILTER (WHERE a.id LIKE 'large%') AS behind, bool_or(a.id NOT LIKE 'large%') AS and_others, p."nextCursor"
FROM edurange.attempts('spring', "limit" => 500, cursor => (SELECT "nextCursor" FROM edurange.attempts('spring', "limit" => 500))) p, unnest(attempts) WITH ORDINALITY a (id, q, u, g, at, c, answer, n) GROUP BY p."nextCursor";
SELECT cardinality(attempts), "nextCursor" LIKE '%-large1' AS goes_on FROM edurange.attempts('spring', "limit" => 1);
INSERT INTO "ActivityLog" (id, "eventType", "userId", "groupId", metadata, severity, "timestamp")
  SELECT 'large' || n, 'USER_UPDATED', 'ada', 'spring', jsonb_build_object('x', repeat('x', 1000000)), 'INFO', timestamp '2030-01-01' - n * interval '1 s' FROM generate_series(1, 4) n;
SELECT f, cardinality((p).entries), (p)."nextCursor" LIKE '%-large3' AS goes_on FROM (VALUES ('all', edurange.activity("limit" => 500)), ('competition', edurange.activity('spring', "limit" => 500)),
  ('user', edurange.activity(NULL, 'ada', "limit" => 500)), ('type', edurange.activity('spring', 'ada', 'USER_UPDATED', 500))) t (f, p);
SELECT entries[1].id, cardinality(entries) > 1 AS and_others FROM edurange.activity("limit" => 500, cursor => (SELECT "nextCursor" FROM edurange.activity("limit" => 500)));
DELETE FROM "ActivityLog" WHERE id LIKE 'large%';
DELETE FROM "QuestionAttempt" WHERE id LIKE 'large%';
-- and of names and descriptions
INSERT INTO "CompetitionGroup" (id, name, description, "startDate", "createdAt") SELECT 'large' || n, 'L', repeat('x', 1000000), '2020-01-01', timestamp '2030-01-01' - n * interval '1 s' FROM generate_series(1, 4) n;
INSERT INTO "_GroupInstructors" ("A", "B") SELECT 'large' || n, 'ina' FROM generate_series(1, 4) n;
SELECT f, (SELECT array_agg(c.id) FROM unnest((p).competitions) c) AS page, (p)."nextCursor" LIKE '%-large3' AS goes_on
FROM (VALUES ('all', edurange.competitions(500)), ('of an instructor', edurange.competitions(500, NULL, ROW(NULL, NULL, NULL, 'ina')::edurange.caller))) t (f, p);
SELECT competitions[1].id, "nextCursor" FROM edurange.competitions(500, (SELECT "nextCursor" FROM edurange.competitions(500)));
DELETE FROM "CompetitionGroup" WHERE id LIKE 'large%';
INSERT INTO "User" (id, name, email) SELECT '0large' || n, repeat('x', 1000000), '0large' || n FROM generate_series(1, 4) n;
INSERT INTO "_GroupMembers" ("A", "B") SELECT 'spring', '0large' || n FROM generate_series(1, 4) n;
SELECT (SELECT array_agg(u.id) FROM unnest(p.users) u) AS page, "nextCursor" LIKE '%0large3' AS goes_on FROM edurange.users("limit" => 500) p;
SELECT (SELECT array_agg(m."userId") FROM unnest(p.members) m) AS page, "nextCursor" FROM edurange.members('spring', 500) p;
SELECT users[1].id AS "user", members[1]."userId" AS member FROM edurange.users("limit" => 500, cursor => (SELECT "nextCursor" FROM edurange.users("limit" => 500))),
  edurange.members('spring', 500, (SELECT "nextCursor" FROM edurange.members('spring', 500)));
DELETE FROM "User" WHERE id LIKE '0large%';
INSERT INTO "Challenge" (id, name, description, "challengeTypeId") SELECT '0large' || n, 'L', repeat('x', 1000000), (SELECT id FROM "ChallengeType" LIMIT 1) FROM generate_series(1, 4) n;
SELECT (SELECT array_agg(c.id) FROM unnest(p.challenges) c) AS page, "nextCursor" FROM edurange.challenge_list("limit" => 500) p;
SELECT array_agg(p) FILTER (WHERE p LIKE '0large%') AS each_once FROM testing.pages(500) p;
