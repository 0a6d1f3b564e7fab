-- The platform's tables, types, keys and indexes, in the shape that its Prisma client expects.
-- Names, types, defaults and actions are the interface: nothing may be added here that Prisma would
-- take for a difference.  What exists already is adopted as it is; edurange.migrate() checks its
-- shape.

SET LOCAL search_path = public;

DO $$
BEGIN
  IF pg_catalog.to_regtype('"UserRole"') IS NULL THEN
    CREATE TYPE "UserRole" AS ENUM (
      'ADMIN', 'INSTRUCTOR', 'STUDENT');
  END IF;
  IF pg_catalog.to_regtype('"LogSeverity"') IS NULL THEN
    CREATE TYPE "LogSeverity" AS ENUM (
      'INFO', 'WARNING', 'ERROR', 'CRITICAL');
  END IF;
  IF pg_catalog.to_regtype('"ChallengeDifficulty"') IS NULL THEN
    CREATE TYPE "ChallengeDifficulty" AS ENUM (
      'EASY', 'MEDIUM', 'HARD', 'EXPERT');
  END IF;
  IF pg_catalog.to_regtype('"ChallengeStatus"') IS NULL THEN
    CREATE TYPE "ChallengeStatus" AS ENUM (
      'CREATING', 'ACTIVE', 'QUEUED', 'TERMINATING', 'TERMINATED', 'ERROR');
  END IF;
  IF pg_catalog.to_regtype('"ActivityEventType"') IS NULL THEN
    CREATE TYPE "ActivityEventType" AS ENUM (
      'USER_REGISTERED', 'USER_LOGGED_IN', 'USER_ROLE_CHANGED', 'USER_UPDATED',
      'CHALLENGE_COMPLETED', 'CHALLENGE_INSTANCE_CREATED', 'CHALLENGE_INSTANCE_DELETED',
      'CHALLENGE_INSTANCE_QUEUED', 'QUESTION_ATTEMPTED', 'QUESTION_COMPLETED',
      'GROUP_JOINED', 'GROUP_CREATED', 'GROUP_UPDATED', 'GROUP_LEFT', 'GROUP_DELETED',
      'ACCESS_CODE_GENERATED', 'ACCESS_CODE_USED', 'ACCESS_CODE_EXPIRED',
      'ACCESS_CODE_DELETED', 'ACCESS_CODE_INVALID', 'CHALLENGE_TERMINATION_INITIATED',
      'SYSTEM_WARNING', 'SYSTEM_ERROR', 'SECURITY_EVENT', 'CHALLENGE_PACK_INSTALLED',
      'CHALLENGE_TYPE_INSTALLED');
  END IF;
END
$$;

-- Parents first: each foreign key points at a table above it, so the file
-- order is also a load order that never meets a missing parent.

CREATE TABLE IF NOT EXISTS "User" (
  id text NOT NULL CONSTRAINT "User_pkey" PRIMARY KEY,
  name text,
  email text NOT NULL,
  "emailVerified" timestamp(3),
  image text,
  role "UserRole" NOT NULL DEFAULT 'STUDENT',
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS "User_email_key" ON "User" (email);

CREATE TABLE IF NOT EXISTS "Account" (
  id text NOT NULL CONSTRAINT "Account_pkey" PRIMARY KEY,
  "userId" text NOT NULL CONSTRAINT "Account_userId_fkey"
    REFERENCES "User" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  type text NOT NULL,
  provider text NOT NULL,
  "providerAccountId" text NOT NULL,
  refresh_token text,
  access_token text,
  expires_at integer,
  token_type text,
  scope text,
  id_token text,
  session_state text);
CREATE UNIQUE INDEX IF NOT EXISTS "Account_provider_providerAccountId_key"
  ON "Account" (provider, "providerAccountId");

CREATE TABLE IF NOT EXISTS "Session" (
  id text NOT NULL CONSTRAINT "Session_pkey" PRIMARY KEY,
  "sessionToken" text NOT NULL,
  "userId" text NOT NULL CONSTRAINT "Session_userId_fkey"
    REFERENCES "User" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  expires timestamp(3) NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS "Session_sessionToken_key" ON "Session" ("sessionToken");

-- No primary key (Prisma makes none): logical replication needs a replica identity here.
CREATE TABLE IF NOT EXISTS "VerificationToken" (
  identifier text NOT NULL,
  token text NOT NULL,
  expires timestamp(3) NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS "VerificationToken_token_key" ON "VerificationToken" (token);
CREATE UNIQUE INDEX IF NOT EXISTS "VerificationToken_identifier_token_key"
  ON "VerificationToken" (identifier, token);

CREATE TABLE IF NOT EXISTS "ChallengeType" (
  id text NOT NULL CONSTRAINT "ChallengeType_pkey" PRIMARY KEY,
  name text NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS "ChallengeType_name_key" ON "ChallengeType" (name);

CREATE TABLE IF NOT EXISTS "ChallengePack" (
  id text NOT NULL CONSTRAINT "ChallengePack_pkey" PRIMARY KEY,
  name text NOT NULL,
  description text,
  version text NOT NULL,
  author text,
  license text,
  website text,
  installed_date timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL);

CREATE TABLE IF NOT EXISTS "Challenge" (
  id text NOT NULL CONSTRAINT "Challenge_pkey" PRIMARY KEY,
  name text NOT NULL,
  description text,
  difficulty "ChallengeDifficulty",
  "challengeTypeId" text NOT NULL CONSTRAINT "Challenge_challengeTypeId_fkey"
    REFERENCES "ChallengeType" (id) ON UPDATE CASCADE ON DELETE RESTRICT,
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL,
  cdf_version text,
  cdf_content jsonb,
  pack_id text CONSTRAINT "Challenge_pack_id_fkey"
    REFERENCES "ChallengePack" (id) ON UPDATE CASCADE ON DELETE SET NULL,
  pack_challenge_id text);
CREATE UNIQUE INDEX IF NOT EXISTS "Challenge_pack_id_pack_challenge_id_key"
  ON "Challenge" (pack_id, pack_challenge_id);

CREATE TABLE IF NOT EXISTS "ChallengeQuestion" (
  id text NOT NULL CONSTRAINT "ChallengeQuestion_pkey" PRIMARY KEY,
  "challengeId" text NOT NULL CONSTRAINT "ChallengeQuestion_challengeId_fkey"
    REFERENCES "Challenge" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  content text NOT NULL,
  type text NOT NULL,
  points integer NOT NULL,
  answer text,
  "order" integer NOT NULL,
  title text,
  format text,
  hint text,
  required boolean NOT NULL DEFAULT true,
  cdf_question_id text,
  cdf_payload jsonb,
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS "ChallengeQuestion_challengeId_order_key"
  ON "ChallengeQuestion" ("challengeId", "order");

CREATE TABLE IF NOT EXISTS "ChallengeAppConfig" (
  id text NOT NULL CONSTRAINT "ChallengeAppConfig_pkey" PRIMARY KEY,
  "challengeId" text NOT NULL CONSTRAINT "ChallengeAppConfig_challengeId_fkey"
    REFERENCES "Challenge" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "appId" text NOT NULL,
  title text NOT NULL,
  icon text NOT NULL,
  width integer NOT NULL,
  height integer NOT NULL,
  screen text NOT NULL,
  disabled boolean NOT NULL DEFAULT false,
  favourite boolean NOT NULL DEFAULT false,
  desktop_shortcut boolean NOT NULL DEFAULT false,
  launch_on_startup boolean NOT NULL DEFAULT false,
  additional_config jsonb DEFAULT '{}',
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS "ChallengeAppConfig_challengeId_appId_key"
  ON "ChallengeAppConfig" ("challengeId", "appId");

CREATE TABLE IF NOT EXISTS "CompetitionGroup" (
  id text NOT NULL CONSTRAINT "CompetitionGroup_pkey" PRIMARY KEY,
  name text NOT NULL,
  description text,
  "startDate" timestamp(3) NOT NULL,
  "endDate" timestamp(3),
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL);

-- Implicit many-to-many tables.  A is the group, B the user (models in alphabetical order).  A
-- table that Prisma 5 or older made has the unique index "<name>_AB_unique" in place of this
-- primary key and keeps it.
CREATE TABLE IF NOT EXISTS "_GroupInstructors" (
  "A" text NOT NULL CONSTRAINT "_GroupInstructors_A_fkey"
    REFERENCES "CompetitionGroup" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "B" text NOT NULL CONSTRAINT "_GroupInstructors_B_fkey"
    REFERENCES "User" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  CONSTRAINT "_GroupInstructors_AB_pkey" PRIMARY KEY ("A", "B"));
CREATE INDEX IF NOT EXISTS "_GroupInstructors_B_index" ON "_GroupInstructors" ("B");

CREATE TABLE IF NOT EXISTS "_GroupMembers" (
  "A" text NOT NULL CONSTRAINT "_GroupMembers_A_fkey"
    REFERENCES "CompetitionGroup" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "B" text NOT NULL CONSTRAINT "_GroupMembers_B_fkey"
    REFERENCES "User" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  CONSTRAINT "_GroupMembers_AB_pkey" PRIMARY KEY ("A", "B"));
CREATE INDEX IF NOT EXISTS "_GroupMembers_B_index" ON "_GroupMembers" ("B");

CREATE TABLE IF NOT EXISTS "CompetitionAccessCode" (
  id text NOT NULL CONSTRAINT "CompetitionAccessCode_pkey" PRIMARY KEY,
  code text NOT NULL,
  "expiresAt" timestamp(3),
  "maxUses" integer,
  "usedCount" integer NOT NULL DEFAULT 0,
  "groupId" text NOT NULL CONSTRAINT "CompetitionAccessCode_groupId_fkey"
    REFERENCES "CompetitionGroup" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "createdBy" text NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS "CompetitionAccessCode_code_key"
  ON "CompetitionAccessCode" (code);

CREATE TABLE IF NOT EXISTS "GroupPoints" (
  id text NOT NULL CONSTRAINT "GroupPoints_pkey" PRIMARY KEY,
  points integer NOT NULL DEFAULT 0,
  "userId" text NOT NULL CONSTRAINT "GroupPoints_userId_fkey"
    REFERENCES "User" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "groupId" text NOT NULL CONSTRAINT "GroupPoints_groupId_fkey"
    REFERENCES "CompetitionGroup" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS "GroupPoints_userId_groupId_key"
  ON "GroupPoints" ("userId", "groupId");

CREATE TABLE IF NOT EXISTS "GroupChallenge" (
  id text NOT NULL CONSTRAINT "GroupChallenge_pkey" PRIMARY KEY,
  points integer NOT NULL,
  "challengeId" text NOT NULL CONSTRAINT "GroupChallenge_challengeId_fkey"
    REFERENCES "Challenge" (id) ON UPDATE CASCADE ON DELETE RESTRICT,
  "groupId" text NOT NULL CONSTRAINT "GroupChallenge_groupId_fkey"
    REFERENCES "CompetitionGroup" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS "GroupChallenge_challengeId_groupId_key"
  ON "GroupChallenge" ("challengeId", "groupId");

CREATE TABLE IF NOT EXISTS "ChallengeCompletion" (
  id text NOT NULL CONSTRAINT "ChallengeCompletion_pkey" PRIMARY KEY,
  "userId" text NOT NULL CONSTRAINT "ChallengeCompletion_userId_fkey"
    REFERENCES "User" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "groupChallengeId" text NOT NULL
    CONSTRAINT "ChallengeCompletion_groupChallengeId_fkey"
    REFERENCES "GroupChallenge" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "pointsEarned" integer NOT NULL,
  "completedAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE UNIQUE INDEX IF NOT EXISTS "ChallengeCompletion_userId_groupChallengeId_key"
  ON "ChallengeCompletion" ("userId", "groupChallengeId");

CREATE TABLE IF NOT EXISTS "QuestionCompletion" (
  id text NOT NULL CONSTRAINT "QuestionCompletion_pkey" PRIMARY KEY,
  "questionId" text NOT NULL CONSTRAINT "QuestionCompletion_questionId_fkey"
    REFERENCES "ChallengeQuestion" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "userId" text NOT NULL CONSTRAINT "QuestionCompletion_userId_fkey"
    REFERENCES "User" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "groupChallengeId" text NOT NULL
    CONSTRAINT "QuestionCompletion_groupChallengeId_fkey"
    REFERENCES "GroupChallenge" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "completedAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "pointsEarned" integer NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS "QuestionCompletion_userId_questionId_groupChallengeId_key"
  ON "QuestionCompletion" ("userId", "questionId", "groupChallengeId");

CREATE TABLE IF NOT EXISTS "QuestionAttempt" (
  id text NOT NULL CONSTRAINT "QuestionAttempt_pkey" PRIMARY KEY,
  "questionId" text NOT NULL CONSTRAINT "QuestionAttempt_questionId_fkey"
    REFERENCES "ChallengeQuestion" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "userId" text NOT NULL CONSTRAINT "QuestionAttempt_userId_fkey"
    REFERENCES "User" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "groupChallengeId" text NOT NULL
    CONSTRAINT "QuestionAttempt_groupChallengeId_fkey"
    REFERENCES "GroupChallenge" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "attemptedAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  answer text NOT NULL,
  "isCorrect" boolean NOT NULL);

CREATE TABLE IF NOT EXISTS "ChallengeInstance" (
  id text NOT NULL CONSTRAINT "ChallengeInstance_pkey" PRIMARY KEY,
  "challengeId" text NOT NULL CONSTRAINT "ChallengeInstance_challengeId_fkey"
    REFERENCES "Challenge" (id) ON UPDATE CASCADE ON DELETE RESTRICT,
  "userId" text NOT NULL CONSTRAINT "ChallengeInstance_userId_fkey"
    REFERENCES "User" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "challengeUrl" text NOT NULL,
  "creationTime" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  status "ChallengeStatus" NOT NULL,
  "terminationAttempts" integer NOT NULL DEFAULT 0,
  "lastStatusChange" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "flagSecretName" text,
  flag text,
  metadata jsonb,
  "competitionId" text NOT NULL CONSTRAINT "ChallengeInstance_competitionId_fkey"
    REFERENCES "CompetitionGroup" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  k8s_instance_name text);
CREATE INDEX IF NOT EXISTS "ChallengeInstance_challengeId_idx"
  ON "ChallengeInstance" ("challengeId");

CREATE TABLE IF NOT EXISTS "ActivityLog" (
  id text NOT NULL CONSTRAINT "ActivityLog_pkey" PRIMARY KEY,
  "eventType" "ActivityEventType" NOT NULL,
  "userId" text NOT NULL CONSTRAINT "ActivityLog_userId_fkey"
    REFERENCES "User" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "challengeId" text CONSTRAINT "ActivityLog_challengeId_fkey"
    REFERENCES "Challenge" (id) ON UPDATE CASCADE ON DELETE SET NULL,
  "groupId" text CONSTRAINT "ActivityLog_groupId_fkey"
    REFERENCES "CompetitionGroup" (id) ON UPDATE CASCADE ON DELETE SET NULL,
  metadata jsonb NOT NULL,
  "timestamp" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "accessCodeId" text CONSTRAINT "ActivityLog_accessCodeId_fkey"
    REFERENCES "CompetitionAccessCode" (id) ON UPDATE CASCADE ON DELETE SET NULL,
  "challengeInstanceId" text CONSTRAINT "ActivityLog_challengeInstanceId_fkey"
    REFERENCES "ChallengeInstance" (id) ON UPDATE CASCADE ON DELETE SET NULL,
  severity "LogSeverity" NOT NULL DEFAULT 'INFO');
