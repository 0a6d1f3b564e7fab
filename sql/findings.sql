-- What others left broken: listed, and repaired when asked.  Everything here is rolled back.
CALL testing.fresh();
BEGIN;
INSERT INTO "User" (id, email) VALUES ('f-ada', 'f-ada@x'), ('f-bob', 'f-bob@x');
INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('f-g', 'F', '2020-01-01');
INSERT INTO "_GroupMembers" ("A", "B") VALUES ('f-g', 'f-ada');
INSERT INTO "ChallengePack" (id, name, version) VALUES ('f-pack', 'Pack', '1'), ('f-phantom', 'Pack', '1');
INSERT INTO "ChallengeType" (id, name) VALUES ('f-type', 'f-web');
INSERT INTO "Challenge" (id, name, "challengeTypeId", pack_id) VALUES
  ('f-c1', 'C1', 'f-type', 'f-pack'), ('f-c2', 'C2', 'f-type', NULL);
INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, "order") VALUES
  ('f-q1', 'f-c1', '?', 'text', 10, 1), ('f-q2', 'f-c2', '?', 'text', 20, 1);
INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES
  ('f-gc1', 100, 'f-c1', 'f-g'), ('f-gc2', 100, 'f-c2', 'f-g');
SELECT * FROM edurange.findings() WHERE subject LIKE 'f-%';

INSERT INTO "QuestionCompletion" (id, "questionId", "userId", "groupChallengeId", "pointsEarned") VALUES
  ('f-right', 'f-q1', 'f-ada', 'f-gc1', 10), ('f-misplaced', 'f-q2', 'f-ada', 'f-gc1', 20);
INSERT INTO "ChallengeCompletion" (id, "userId", "groupChallengeId", "pointsEarned") VALUES
  ('f-earned', 'f-ada', 'f-gc1', 10), ('f-unearned', 'f-ada', 'f-gc2', 100);
INSERT INTO "GroupPoints" (id, "userId", "groupId", points) VALUES
  ('f-total', 'f-ada', 'f-g', 10), ('f-outside', 'f-bob', 'f-g', 5);
-- as they were before the ledger: not known as corrections
UPDATE edurange.points_ledger SET kind = 'opening' WHERE group_id = 'f-g';
INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "competitionId", "challengeUrl", status, flag, "flagSecretName") VALUES
  ('f-null', 'f-c1', 'f-ada', 'f-g', 'http://x', 'ACTIVE', 'null', 'secret-of-null'),
  ('f-decoy', 'f-c1', 'f-ada', 'f-g', 'http://x', 'ACTIVE', 'flag{0123abcdf-c1}', 'secret-of-decoy'),
  ('f-waiting', 'f-c1', 'f-ada', 'f-g', 'pending...', 'QUEUED', 'flag{0123abcdf-c1}', NULL),
  ('f-unnamed', 'f-c1', 'f-ada', 'f-g', 'http://x', 'ACTIVE', 'EDU-{planted-flag1}', NULL),
  ('f-true', 'f-c1', 'f-ada', 'f-g', 'http://x', 'ACTIVE', 'EDU-{planted-flag2}', 'secret-of-true');
SET LOCAL session_replication_role = replica;
INSERT INTO "ChallengeCompletion" (id, "userId", "groupChallengeId", "pointsEarned") VALUES ('f-orphan', 'f-gone', 'f-gc1', 1);
INSERT INTO "QuestionCompletion" (id, "questionId", "userId", "groupChallengeId", "pointsEarned") VALUES ('f-orphan2', 'f-lost', 'f-ada', 'f-nowhere', 1);
SET LOCAL session_replication_role = origin;

SELECT finding, subject, detail FROM edurange.findings() WHERE subject LIKE 'f-%';
SELECT DISTINCT finding, repair FROM edurange.findings() WHERE subject LIKE 'f-%' ORDER BY 1;
SELECT count(*) AS flags_shown FROM edurange.findings() f WHERE f::text LIKE '%planted%' OR f::text LIKE '%0123abcd%';
SELECT name FROM edurange.migrate(dry_run => true) WHERE kind = 'finding' AND name ~ 'null_flag|orphan';

-- one subject, then the rest
SELECT finding, subject FROM edurange.repair('orphan_completion', 'f-orphan');
SELECT finding, subject FROM edurange.repair('orphan_completion');
SELECT finding, subject FROM edurange.repair('misplaced_completion', 'f-misplaced');
SELECT finding, subject FROM edurange.repair('null_flag', 'f-null');
SELECT finding, subject FROM edurange.repair('decoy_flag', 'f-decoy');
SELECT finding, subject FROM edurange.repair('phantom_pack', 'f-phantom');
SELECT finding, subject, detail FROM edurange.repair('total_differs', 'f-total');
SELECT seq, delta, balance, kind, reason FROM edurange.points_ledger WHERE user_id = 'f-ada' ORDER BY seq;
SELECT finding, subject FROM edurange.repair('unearned_completion', 'f-unearned');
SELECT id, flag, "flagSecretName" FROM "ChallengeInstance" WHERE id LIKE 'f-%' ORDER BY id;
-- the challenge pays again
SELECT edurange.wire(t) IS NOT NULL AS completed FROM edurange.complete_question(user_id => 'f-ada', question_id => 'f-q2', group_challenge_id => 'f-gc2') t;
SELECT edurange.get_points('f-ada', 'f-g');
SELECT finding, subject, repair FROM edurange.findings() WHERE subject LIKE 'f-%' ORDER BY 1, 2;
SELECT * FROM edurange.check_invariants();
-- what a service completed stays
SELECT edurange.wire(t) IS NOT NULL AS completed FROM edurange.complete_challenge(user_id => 'f-ada', group_challenge_id => 'f-gc1', points_earned => 60) t;
SELECT finding, subject FROM edurange.findings() WHERE finding IN ('unearned_completion', 'total_differs') AND subject LIKE 'f-%';
-- totals that differ: the one that is named, or all of them, are set right, each with an entry
INSERT INTO "User" (id, email) SELECT 'f-t' || n, 'f-t' || n || '@x' FROM generate_series(1, 5) n;
INSERT INTO "_GroupMembers" ("A", "B") SELECT 'f-g', 'f-t' || n FROM generate_series(1, 5) n;
INSERT INTO "QuestionCompletion" (id, "questionId", "userId", "groupChallengeId", "pointsEarned")
SELECT 'f-tq' || n, 'f-q1', 'f-t' || n, 'f-gc1', 10 * n FROM generate_series(1, 5) n;
INSERT INTO "GroupPoints" (id, "userId", "groupId", points) SELECT 'f-tp' || n, 'f-t' || n, 'f-g', 50 FROM generate_series(1, 5) n;
UPDATE edurange.points_ledger SET kind = 'opening' WHERE user_id LIKE 'f-t_';
SELECT subject, detail FROM edurange.findings('total_differs') WHERE subject LIKE 'f-t%';
SELECT subject FROM edurange.repair('total_differs', 'f-tp3');
SELECT subject FROM edurange.repair('total_differs', 'all') WHERE subject LIKE 'f-t%';
SELECT user_id, seq, delta, balance, kind, actor LIKE 'role:%' AS by_role, reason FROM edurange.points_ledger WHERE user_id LIKE 'f-t_' AND seq > 1 ORDER BY 1;
-- what somebody corrected since is meant to differ
SELECT points FROM edurange.add_points('f-t1', 'f-g', 5);
SELECT subject FROM edurange.repair('total_differs', 'all') WHERE subject LIKE 'f-t%';
SELECT * FROM edurange.check_invariants();
-- none is set where one would not fit
UPDATE "QuestionCompletion" SET "pointsEarned" = 2147483647 WHERE id IN ('f-tq5', 'f-right');
INSERT INTO "QuestionCompletion" (id, "questionId", "userId", "groupChallengeId", "pointsEarned") VALUES ('f-tq6', 'f-q2', 'f-t5', 'f-gc2', 1);
SELECT testing.refused($$SELECT edurange.repair('total_differs', 'f-tp5')$$);
SELECT points FROM "GroupPoints" WHERE id = 'f-tp5';
-- a total that somebody removed or gave to another is not given back
INSERT INTO "User" (id, email) SELECT 'f-' || n, 'f-' || n || '@x' FROM unnest(ARRAY['less', 'from', 'to', 'hand']) n;
INSERT INTO "_GroupMembers" ("A", "B") SELECT 'f-g', 'f-' || n FROM unnest(ARRAY['less', 'from', 'to', 'hand']) n;
SELECT "challengeCompleted" FROM unnest(ARRAY['f-less', 'f-from']) u, edurange.complete_question(u, 'f-q1', 'f-gc1');
DELETE FROM "GroupPoints" WHERE "userId" = 'f-less';
UPDATE "GroupPoints" SET "userId" = 'f-to' WHERE "userId" = 'f-from';
SELECT "challengeCompleted" FROM unnest(ARRAY['f-less', 'f-from']) u, edurange.complete_question(u, 'f-q2', 'f-gc2');
SELECT "userId", points FROM "GroupPoints" WHERE "userId" IN ('f-less', 'f-from', 'f-to') ORDER BY 1;
SELECT detail FROM edurange.findings('total_differs') WHERE detail ~ 'f-(less|from|to)"';
-- what was graded by hand was complete, whatever the challenge needs since then
SELECT "pointsPaid" FROM edurange.grade_question('f-g', 'f-hand', 'f-q2', 7);
SELECT "eventType", "challengeId", metadata - 'changeId' AS metadata FROM "ActivityLog" WHERE "userId" = 'f-hand' ORDER BY "timestamp", id;
INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, "order") VALUES ('f-q3', 'f-c2', '?', 'text', 5, 2);
SELECT detail FROM edurange.findings('unearned_completion') WHERE detail LIKE '%"f-hand"%';
ROLLBACK;

-- refusals
SELECT testing.refused($$SELECT edurange.findings('no_such')$$);
SELECT testing.refused($$SELECT edurange.repair('no_such')$$);
-- all totals are not set by an oversight
SELECT testing.refused($$SELECT edurange.repair('total_differs')$$);
SELECT count(*) FROM edurange.repair('null_flag', 'all');
SELECT testing.refused($$SELECT edurange.repair(NULL)$$);
SELECT testing.refused($$SELECT edurange.repair('points_without_membership')$$);
GRANT EXECUTE ON FUNCTION edurange.repair TO edurange_admin;
SET ROLE edurange_admin;
SELECT testing.refused($$SELECT edurange.repair('null_flag')$$);
RESET ROLE;
REVOKE EXECUTE ON FUNCTION edurange.repair FROM edurange_admin;

-- before the tables there is nothing to find; duplicate types can be repaired before migrate()
SELECT current_database() AS here \gset
CREATE DATABASE findings TEMPLATE template0 ENCODING 'UTF8';
\c findings
CREATE EXTENSION edurange;
SELECT * FROM edurange.findings();
CREATE TABLE "ChallengeType" (id text NOT NULL PRIMARY KEY, name text NOT NULL);
CREATE TABLE "Challenge" (id text NOT NULL PRIMARY KEY, name text, "challengeTypeId" text NOT NULL
  REFERENCES "ChallengeType" ON UPDATE CASCADE ON DELETE RESTRICT);
INSERT INTO "ChallengeType" VALUES ('1', 'web'), ('2', 'web'), ('3', 'binary'), ('4', 'web');
INSERT INTO "Challenge" VALUES ('a', 'A', '1'), ('b', 'B', '2'), ('c', 'C', '3'), ('d', 'D', '4');
SELECT * FROM edurange.findings();
SELECT * FROM edurange.repair('null_flag');
SELECT finding, subject FROM edurange.repair('duplicate_challenge_type');
SELECT id, "challengeTypeId" FROM "Challenge" ORDER BY id;
SELECT * FROM "ChallengeType" ORDER BY id;
\c :here
DROP DATABASE findings;
