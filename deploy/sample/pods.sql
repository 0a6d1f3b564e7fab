-- Prints the pods that the Instance Manager simulator starts with: one for each instance of the
-- sample that has not been ended, as a JSON array.
SET search_path = pg_catalog, pg_temp;
SELECT coalesce(json_agg(json_build_object(
         'name', i.id, 'user_id', i."userId", 'competition_id', i."competitionId",
         'challenge_name', c.name, 'challenge_type', t.name, 'status', 'ACTIVE',
         'flag', 'EDU-{' || left(md5('first-steps ' || i.id), 16) || '}')), '[]')
FROM public."ChallengeInstance" i
JOIN public."Challenge" c ON c.id = i."challengeId"
JOIN public."ChallengeType" t ON t.id = c."challengeTypeId"
WHERE i.k8s_instance_name LIKE 'sample-%' AND i.status NOT IN ('TERMINATED', 'TERMINATING');
