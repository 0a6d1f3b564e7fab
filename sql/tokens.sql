-- Tokens: shown once, stored as a hash.
CALL testing.fresh();
SELECT id, token, tier, label, "userId", "instanceId", "expiresAt" FROM edurange.create_token('player', 'a front end') \gset t_
SELECT :'t_token' ~ '^edr_[0-9a-f]{64}$' AS shaped, :'t_tier' AS tier, :'t_label' AS label;
SELECT count(*) FROM edurange.token WHERE row_to_json(token)::text LIKE '%' || substr(:'t_token', 5) || '%';
SELECT tier, label, "createdBy" LIKE 'role:%' AS by_role FROM edurange.authenticate_token(sha256(:'t_token'::bytea));
SELECT id FROM edurange.authenticate_token(sha256('edr_other'));
-- bound to a user, to an instance, for a time
INSERT INTO "ChallengeType" (id, name) VALUES ('tt', 'tokens');
INSERT INTO "Challenge" (id, name, "challengeTypeId") VALUES ('tch', 'T', 'tt');
INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId") VALUES ('ti', 'tch', 'ada', '', 'ACTIVE', 'spring');
SELECT tier, "userId", "instanceId", "expiresAt" > now() AS later FROM edurange.create_token('service', 'bound', now() + interval '1 h', 'ada', 'ti');
SELECT tier, "userId", "instanceId", token AS pod FROM edurange.create_token('admin', 'pod', instance_id => 'ti') \gset i_
SELECT tier, "userId", "instanceId" FROM edurange.authenticate_token(sha256(:'i_pod'::bytea));
-- a token with an expiry is one until then, and none from that instant on
SELECT token FROM edurange.create_token('player', 'short', now() + interval '1 h') \gset s_
SELECT label FROM edurange.authenticate_token(sha256(:'s_token'::bytea));
SELECT span, testing.at_once(format($$UPDATE edurange.token SET expires_at = statement_timestamp() + interval %L WHERE label = 'short'$$, span),
  format($$SELECT label FROM edurange.authenticate_token(sha256(%L::bytea))$$, :'s_token')) AS token FROM unnest(ARRAY['1 us', '0', '-1 us']) AS t (span);
-- revoking, which is done only once
SELECT "revokedAt" IS NOT NULL AS revoked FROM edurange.revoke_token(:'t_id');
SELECT "revokedAt" AS first FROM edurange.tokens() WHERE id = :'t_id' \gset
SELECT "revokedAt" = :'first' AS kept FROM edurange.revoke_token(:'t_id');
SELECT id FROM edurange.authenticate_token(sha256(:'t_token'::bytea));
SELECT tier, label, "userId", "instanceId", "revokedAt" IS NOT NULL AS revoked FROM edurange.tokens();
-- page by page, whatever their times, and from an index
UPDATE edurange.token SET created_at = CASE WHEN label IN ('bound', 'pod', 'short') THEN '2020-01-01Z' ELSE created_at END;
WITH RECURSIVE page AS (SELECT array_agg(t) AS t FROM edurange.tokens(1) t UNION ALL SELECT (SELECT array_agg(n) FROM edurange.tokens(1, before_id => (t[1]).id) n) FROM page WHERE t IS NOT NULL)
SELECT count(*), count(DISTINCT (t[1]).id), array_agg((t[1])."createdAt") = array_agg((t[1])."createdAt" ORDER BY (t[1])."createdAt" DESC) AS in_order FROM page WHERE t IS NOT NULL;
SELECT c, testing.refused('SELECT * FROM edurange.tokens(' || c || ')') FROM unnest(ARRAY['0', '1001', $$1, 'nothing'$$, $$1, ''$$]) c;
SELECT testing.refused($$SELECT edurange.create_token(NULL, 'l')$$);
SELECT testing.refused($$SELECT edurange.create_token('player', '')$$);
SELECT testing.refused($$SELECT edurange.create_token('root', 'l')$$);
SELECT testing.refused($$SELECT edurange.create_token('player', 'l', now() - interval '1 s')$$);
SELECT testing.refused($$SELECT edurange.create_token('player', 'l', NULL, 'nobody')$$);
SELECT testing.refused($$SELECT edurange.create_token('player', 'l', NULL, '')$$);
SELECT testing.refused($$SELECT edurange.create_token('player', 'l', NULL, NULL, 'nothing')$$);
SELECT testing.refused($$SELECT edurange.create_token('player', 'l', NULL, 'bob', 'ti')$$);
SELECT testing.refused($$SELECT edurange.revoke_token(NULL)$$);
SELECT testing.refused($$SELECT edurange.revoke_token('nothing')$$);
SELECT testing.refused($$SELECT edurange.authenticate_token(NULL)$$);
