-- Rows as a platform in use has them, with what its other programs left broken.  Ids as Prisma makes
-- them, uuids for instances.  What is broken is said beside it.

INSERT INTO "User" (id, name, email, role, "updatedAt") VALUES
  ('clx0admin0000000000000001', 'Root', 'root@example.org', 'ADMIN', '2025-01-01 08:00:00'),
  ('clx0inst00000000000000001', 'Ina', 'ina@example.org', 'INSTRUCTOR', '2025-01-01 08:00:00'),
  ('clx0ada000000000000000001', 'Ada', 'ada@example.org', 'STUDENT', '2025-01-02 08:00:00.123'),
  ('clx0bob000000000000000001', 'Bob', 'bob@example.org', 'STUDENT', '2025-01-02 08:00:00.456'),
  ('clx0cyd000000000000000001', NULL, 'cyd@example.org', 'STUDENT', '2025-01-02 08:00:01');
INSERT INTO "User" (id, email, "updatedAt")
  SELECT format('clx0many%s', lpad(n::text, 17, '0')), format('many%s@example.org', n), '2025-01-03'
  FROM generate_series(1, 200) n;
INSERT INTO "Account" (id, "userId", type, provider, "providerAccountId", access_token) VALUES
  ('acc1', 'clx0ada000000000000000001', 'oauth', 'github', '4711', 'gho_x');
INSERT INTO "Session" (id, "sessionToken", "userId", expires) VALUES
  ('ses1', 'token-of-a-session', 'clx0ada000000000000000001', '2099-01-01');
INSERT INTO "VerificationToken" VALUES ('ada@example.org', 'verify-1', '2099-01-01');

INSERT INTO "ChallengePack" (id, name, description, version, author, license, website, "updatedAt") VALUES
  ('web-basics', 'Web Basics', 'Injection and friends', '1.2.0', 'EDU', 'MIT', NULL, '2025-01-04'),
  -- phantom: the dashboard writes such a row when an upload failed
  ('clx0phantom00000000000001', 'Web Basics', NULL, '1.2.0', NULL, NULL, NULL, '2025-01-04');
INSERT INTO "ChallengeType" (id, name) VALUES ('type-web', 'web'), ('type-full', 'fullOS');
INSERT INTO "Challenge" (id, name, difficulty, "challengeTypeId", "updatedAt", cdf_version, cdf_content,
    pack_id, pack_challenge_id) VALUES
  ('sqli', 'SQL injection', 'EASY', 'type-web', '2025-01-04', '1.0', '{"metadata": {"id": "sqli"}}',
   'web-basics', 'sqli'),
  ('xss', 'Cross-site scripting', 'MEDIUM', 'type-web', '2025-01-04', NULL, NULL, 'web-basics', 'xss'),
  ('old', 'From before packs', NULL, 'type-full', '2025-01-04', NULL, 'null', NULL, NULL);
INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, answer, "order", required,
    cdf_payload, "updatedAt") VALUES
  ('q-sqli-1', 'sqli', 'Which table?', 'text', 10, 'users', 1, true, '{"answer": "users"}', '2025-01-04'),
  ('q-sqli-2', 'sqli', 'The flag?', 'flag', 20, '{{FLAG}}', 2, true, NULL, '2025-01-04'),
  ('q-xss-1', 'xss', 'Which tag?', 'text', 15, 'script', 1, true, NULL, '2025-01-04'),
  ('q-xss-2', 'xss', 'For fun', 'text', 5, 'yes', 2, false, NULL, '2025-01-04'),
  ('q-old-1', 'old', 'Anything?', 'text', 0, '', 1, true, NULL, '2025-01-04');
INSERT INTO "ChallengeAppConfig" (id, "challengeId", "appId", title, icon, width, height, screen,
    "updatedAt") VALUES
  ('app1', 'sqli', 'terminal', 'Terminal', 'terminal.svg', 80, 60, 'displayTerminal', '2025-01-04');

INSERT INTO "CompetitionGroup" (id, name, "startDate", "endDate", "updatedAt") VALUES
  ('clx0spring000000000000001', 'Spring', '2025-02-01', '2099-01-01', '2025-01-05'),
  ('clx0closed000000000000001', 'Closed', '2024-02-01', '2024-03-01', '2025-01-05');
INSERT INTO "_GroupInstructors" VALUES ('clx0spring000000000000001', 'clx0inst00000000000000001');
INSERT INTO "_GroupMembers" VALUES
  ('clx0spring000000000000001', 'clx0ada000000000000000001'),
  ('clx0spring000000000000001', 'clx0bob000000000000000001'),
  ('clx0closed000000000000001', 'clx0ada000000000000000001');
INSERT INTO "_GroupMembers" SELECT 'clx0spring000000000000001', id FROM "User" WHERE id LIKE 'clx0many%';
INSERT INTO "CompetitionAccessCode" (id, code, "maxUses", "usedCount", "groupId", "createdBy") VALUES
  ('code1', 'SPRING25', 500, 202, 'clx0spring000000000000001', 'clx0inst00000000000000001');
INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId", "updatedAt") VALUES
  ('gc-sqli', 100, 'sqli', 'clx0spring000000000000001', '2025-02-01'),
  ('gc-xss', 100, 'xss', 'clx0spring000000000000001', '2025-02-01');

INSERT INTO "QuestionAttempt" (id, "questionId", "userId", "groupChallengeId", answer, "isCorrect") VALUES
  ('at1', 'q-sqli-1', 'clx0ada000000000000000001', 'gc-sqli', 'tables', false),
  ('at2', 'q-sqli-1', 'clx0ada000000000000000001', 'gc-sqli', 'users', true);
INSERT INTO "QuestionCompletion" (id, "questionId", "userId", "groupChallengeId", "pointsEarned",
    "completedAt") VALUES
  ('qc1', 'q-sqli-1', 'clx0ada000000000000000001', 'gc-sqli', 10, '2025-02-02 10:00:00'),
  ('qc2', 'q-sqli-2', 'clx0ada000000000000000001', 'gc-sqli', 20, '2025-02-02 10:30:00'),
  ('qc3', 'q-sqli-1', 'clx0bob000000000000000001', 'gc-sqli', 10, '2025-02-02 11:00:00'),
  -- misplaced: the question is of another challenge
  ('qc4', 'q-xss-1', 'clx0bob000000000000000001', 'gc-sqli', 15, '2025-02-02 11:30:00');
INSERT INTO "ChallengeCompletion" (id, "userId", "groupChallengeId", "pointsEarned") VALUES
  ('cc1', 'clx0ada000000000000000001', 'gc-sqli', 30),
  -- unearned: written when the pod disappeared, and never paid
  ('cc2', 'clx0bob000000000000000001', 'gc-xss', 100);
INSERT INTO "GroupPoints" (id, points, "userId", "groupId", "updatedAt") VALUES
  ('gp1', 30, 'clx0ada000000000000000001', 'clx0spring000000000000001', '2025-02-02 10:30:00'),
  -- differs from the completions
  ('gp2', 40, 'clx0bob000000000000000001', 'clx0spring000000000000001', '2025-02-02 11:30:00'),
  ('gp3', 0, 'clx0ada000000000000000001', 'clx0closed000000000000001', '2024-02-02'),
  -- no member any more
  ('gp4', 7, 'clx0cyd000000000000000001', 'clx0closed000000000000001', '2024-02-02');
INSERT INTO "GroupPoints" (id, points, "userId", "groupId", "updatedAt")
  SELECT 'gp-' || id, 1 + length(id) % 3, id, 'clx0spring000000000000001',
    timestamp '2025-02-03' + row_number() OVER (ORDER BY id) * interval '1 second'
  FROM "User" WHERE id LIKE 'clx0many%';

INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "flagSecretName", flag,
    metadata, "competitionId", k8s_instance_name) VALUES
  ('0b7a2f3e-1c5d-4a6b-8e9f-000000000001', 'sqli', 'clx0ada000000000000000001', 'http://a.test', 'ACTIVE',
   'flag-secret-1', 'EDU-{quiet-otter1234}', NULL, 'clx0spring000000000000001', 'challenge-1'),
  -- the text "null" for a flag
  ('0b7a2f3e-1c5d-4a6b-8e9f-000000000002', 'sqli', 'clx0bob000000000000000001', 'http://b.test', 'ACTIVE',
   'flag-secret-2', 'null', NULL, 'clx0spring000000000000001', 'challenge-2'),
  -- waiting, with a decoy: as it should be
  ('0b7a2f3e-1c5d-4a6b-8e9f-000000000003', 'sqli', 'clx0cyd000000000000000001', 'pending...', 'QUEUED',
   NULL, 'flag{0a1b2c3dsqli}', '{"taskId": "t1"}', 'clx0spring000000000000001', 'challenge-3'),
  -- a decoy that counts as a flag
  ('0b7a2f3e-1c5d-4a6b-8e9f-000000000004', 'sqli', 'clx0ada000000000000000001', 'http://d.test', 'ACTIVE',
   'flag-secret-4', 'flag{0a1b2c3dsqli}', 'null', 'clx0spring000000000000001', 'challenge-4'),
  ('0b7a2f3e-1c5d-4a6b-8e9f-000000000005', 'xss', 'clx0ada000000000000000001', 'http://e.test', 'TERMINATED',
   NULL, NULL, NULL, 'clx0spring000000000000001', NULL);
INSERT INTO "ActivityLog" (id, "eventType", "userId", "challengeId", "groupId", metadata,
    "challengeInstanceId", "accessCodeId", severity) VALUES
  ('log1', 'GROUP_JOINED', 'clx0ada000000000000000001', NULL, 'clx0spring000000000000001', '{"how": "code"}',
   NULL, 'code1', 'INFO'),
  ('log2', 'CHALLENGE_INSTANCE_CREATED', 'clx0ada000000000000000001', 'sqli', 'clx0spring000000000000001',
   '{}', '0b7a2f3e-1c5d-4a6b-8e9f-000000000001', NULL, 'INFO');
