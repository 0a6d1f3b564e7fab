-- The platform's tables as its own installer's Prisma makes them: types, tables, indexes, foreign keys, in
-- this order.  psql variables choose the form:
--   prisma5  true: join tables with a unique index _X_AB_unique, false: with a primary key _X_AB_pkey
--   pushed   true: enum values in the order of the schema that the installer pushes, where
--            "ChallengeType".name is not unique either, false: in the order of the dashboard's schema

\if :pushed
CREATE TYPE "ActivityEventType" AS ENUM ('USER_REGISTERED', 'USER_LOGGED_IN', 'USER_ROLE_CHANGED',
  'USER_UPDATED', 'CHALLENGE_INSTANCE_CREATED', 'CHALLENGE_INSTANCE_DELETED',
  'CHALLENGE_INSTANCE_QUEUED', 'QUESTION_ATTEMPTED', 'QUESTION_COMPLETED', 'CHALLENGE_COMPLETED',
  'GROUP_JOINED', 'GROUP_CREATED', 'GROUP_UPDATED', 'GROUP_LEFT', 'GROUP_DELETED',
  'ACCESS_CODE_GENERATED', 'ACCESS_CODE_USED', 'ACCESS_CODE_EXPIRED', 'ACCESS_CODE_DELETED',
  'ACCESS_CODE_INVALID', 'CHALLENGE_TERMINATION_INITIATED', 'SYSTEM_WARNING', 'SYSTEM_ERROR',
  'SECURITY_EVENT', 'CHALLENGE_PACK_INSTALLED', 'CHALLENGE_TYPE_INSTALLED');
CREATE TYPE "UserRole" AS ENUM ('STUDENT', 'INSTRUCTOR', 'ADMIN');
\else
CREATE TYPE "ActivityEventType" AS ENUM ('USER_REGISTERED', 'USER_LOGGED_IN', 'USER_ROLE_CHANGED',
  'USER_UPDATED', 'CHALLENGE_COMPLETED', 'CHALLENGE_INSTANCE_CREATED', 'CHALLENGE_INSTANCE_DELETED',
  'CHALLENGE_INSTANCE_QUEUED', 'QUESTION_ATTEMPTED', 'QUESTION_COMPLETED', 'GROUP_JOINED',
  'GROUP_CREATED', 'GROUP_UPDATED', 'GROUP_LEFT', 'GROUP_DELETED', 'ACCESS_CODE_GENERATED',
  'ACCESS_CODE_USED', 'ACCESS_CODE_EXPIRED', 'ACCESS_CODE_DELETED', 'ACCESS_CODE_INVALID',
  'CHALLENGE_TERMINATION_INITIATED', 'SYSTEM_WARNING', 'SYSTEM_ERROR', 'SECURITY_EVENT',
  'CHALLENGE_PACK_INSTALLED', 'CHALLENGE_TYPE_INSTALLED');
CREATE TYPE "UserRole" AS ENUM ('ADMIN', 'INSTRUCTOR', 'STUDENT');
\endif
CREATE TYPE "ChallengeDifficulty" AS ENUM ('EASY', 'MEDIUM', 'HARD', 'EXPERT');
CREATE TYPE "ChallengeStatus" AS ENUM ('CREATING', 'ACTIVE', 'QUEUED', 'TERMINATING', 'TERMINATED',
  'ERROR');
CREATE TYPE "LogSeverity" AS ENUM ('INFO', 'WARNING', 'ERROR', 'CRITICAL');

CREATE TABLE "Account" ("id" TEXT NOT NULL, "userId" TEXT NOT NULL, "type" TEXT NOT NULL, "provider"
  TEXT NOT NULL, "providerAccountId" TEXT NOT NULL, "refresh_token" TEXT, "access_token" TEXT,
  "expires_at" INTEGER, "token_type" TEXT, "scope" TEXT, "id_token" TEXT, "session_state" TEXT,
  CONSTRAINT "Account_pkey" PRIMARY KEY ("id"));
CREATE TABLE "ActivityLog" ("id" TEXT NOT NULL, "eventType" "ActivityEventType" NOT NULL, "userId" TEXT
  NOT NULL, "challengeId" TEXT, "groupId" TEXT, "metadata" JSONB NOT NULL, "timestamp" TIMESTAMP(3) NOT
  NULL DEFAULT CURRENT_TIMESTAMP, "accessCodeId" TEXT, "challengeInstanceId" TEXT, "severity"
  "LogSeverity" NOT NULL DEFAULT 'INFO', CONSTRAINT "ActivityLog_pkey" PRIMARY KEY ("id"));
CREATE TABLE "Challenge" ("id" TEXT NOT NULL, "name" TEXT NOT NULL, "description" TEXT, "difficulty"
  "ChallengeDifficulty", "challengeTypeId" TEXT NOT NULL, "createdAt" TIMESTAMP(3) NOT NULL DEFAULT
  CURRENT_TIMESTAMP, "updatedAt" TIMESTAMP(3) NOT NULL, "cdf_version" TEXT, "cdf_content" JSONB,
  "pack_id" TEXT, "pack_challenge_id" TEXT, CONSTRAINT "Challenge_pkey" PRIMARY KEY ("id"));
CREATE TABLE "ChallengeAppConfig" ("id" TEXT NOT NULL, "challengeId" TEXT NOT NULL, "appId" TEXT NOT
  NULL, "title" TEXT NOT NULL, "icon" TEXT NOT NULL, "width" INTEGER NOT NULL, "height" INTEGER NOT
  NULL, "screen" TEXT NOT NULL, "disabled" BOOLEAN NOT NULL DEFAULT false, "favourite" BOOLEAN NOT NULL
  DEFAULT false, "desktop_shortcut" BOOLEAN NOT NULL DEFAULT false, "launch_on_startup" BOOLEAN NOT NULL
  DEFAULT false, "additional_config" JSONB DEFAULT '{}', "createdAt" TIMESTAMP(3) NOT NULL DEFAULT
  CURRENT_TIMESTAMP, "updatedAt" TIMESTAMP(3) NOT NULL, CONSTRAINT "ChallengeAppConfig_pkey" PRIMARY KEY
  ("id"));
CREATE TABLE "ChallengeCompletion" ("id" TEXT NOT NULL, "userId" TEXT NOT NULL, "groupChallengeId" TEXT
  NOT NULL, "pointsEarned" INTEGER NOT NULL, "completedAt" TIMESTAMP(3) NOT NULL DEFAULT
  CURRENT_TIMESTAMP, CONSTRAINT "ChallengeCompletion_pkey" PRIMARY KEY ("id"));
CREATE TABLE "ChallengeInstance" ("id" TEXT NOT NULL, "challengeId" TEXT NOT NULL, "userId" TEXT NOT
  NULL, "challengeUrl" TEXT NOT NULL, "creationTime" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "status" "ChallengeStatus" NOT NULL, "terminationAttempts" INTEGER NOT NULL DEFAULT 0,
  "lastStatusChange" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "flagSecretName" TEXT, "flag"
  TEXT, "metadata" JSONB, "competitionId" TEXT NOT NULL, "k8s_instance_name" TEXT, CONSTRAINT
  "ChallengeInstance_pkey" PRIMARY KEY ("id"));
CREATE TABLE "ChallengePack" ("id" TEXT NOT NULL, "name" TEXT NOT NULL, "description" TEXT, "version"
  TEXT NOT NULL, "author" TEXT, "license" TEXT, "website" TEXT, "installed_date" TIMESTAMP(3) NOT NULL
  DEFAULT CURRENT_TIMESTAMP, "updatedAt" TIMESTAMP(3) NOT NULL, CONSTRAINT "ChallengePack_pkey" PRIMARY
  KEY ("id"));
CREATE TABLE "ChallengeQuestion" ("id" TEXT NOT NULL, "challengeId" TEXT NOT NULL, "content" TEXT NOT
  NULL, "type" TEXT NOT NULL, "points" INTEGER NOT NULL, "answer" TEXT, "order" INTEGER NOT NULL,
  "title" TEXT, "format" TEXT, "hint" TEXT, "required" BOOLEAN NOT NULL DEFAULT true, "cdf_question_id"
  TEXT, "cdf_payload" JSONB, "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "updatedAt"
  TIMESTAMP(3) NOT NULL, CONSTRAINT "ChallengeQuestion_pkey" PRIMARY KEY ("id"));
CREATE TABLE "ChallengeType" ("id" TEXT NOT NULL, "name" TEXT NOT NULL, CONSTRAINT "ChallengeType_pkey"
  PRIMARY KEY ("id"));
CREATE TABLE "CompetitionAccessCode" ("id" TEXT NOT NULL, "code" TEXT NOT NULL, "expiresAt"
  TIMESTAMP(3), "maxUses" INTEGER, "usedCount" INTEGER NOT NULL DEFAULT 0, "groupId" TEXT NOT NULL,
  "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "createdBy" TEXT NOT NULL, CONSTRAINT
  "CompetitionAccessCode_pkey" PRIMARY KEY ("id"));
CREATE TABLE "CompetitionGroup" ("id" TEXT NOT NULL, "name" TEXT NOT NULL, "description" TEXT,
  "startDate" TIMESTAMP(3) NOT NULL, "endDate" TIMESTAMP(3), "createdAt" TIMESTAMP(3) NOT NULL DEFAULT
  CURRENT_TIMESTAMP, "updatedAt" TIMESTAMP(3) NOT NULL, CONSTRAINT "CompetitionGroup_pkey" PRIMARY KEY
  ("id"));
CREATE TABLE "GroupChallenge" ("id" TEXT NOT NULL, "points" INTEGER NOT NULL, "challengeId" TEXT NOT
  NULL, "groupId" TEXT NOT NULL, "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" TIMESTAMP(3) NOT NULL, CONSTRAINT "GroupChallenge_pkey" PRIMARY KEY ("id"));
CREATE TABLE "GroupPoints" ("id" TEXT NOT NULL, "points" INTEGER NOT NULL DEFAULT 0, "userId" TEXT NOT
  NULL, "groupId" TEXT NOT NULL, "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" TIMESTAMP(3) NOT NULL, CONSTRAINT "GroupPoints_pkey" PRIMARY KEY ("id"));
CREATE TABLE "QuestionAttempt" ("id" TEXT NOT NULL, "questionId" TEXT NOT NULL, "userId" TEXT NOT NULL,
  "groupChallengeId" TEXT NOT NULL, "attemptedAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "answer" TEXT NOT NULL, "isCorrect" BOOLEAN NOT NULL, CONSTRAINT "QuestionAttempt_pkey" PRIMARY KEY
  ("id"));
CREATE TABLE "QuestionCompletion" ("id" TEXT NOT NULL, "questionId" TEXT NOT NULL, "userId" TEXT NOT
  NULL, "groupChallengeId" TEXT NOT NULL, "completedAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "pointsEarned" INTEGER NOT NULL, CONSTRAINT "QuestionCompletion_pkey" PRIMARY KEY ("id"));
CREATE TABLE "Session" ("id" TEXT NOT NULL, "sessionToken" TEXT NOT NULL, "userId" TEXT NOT NULL,
  "expires" TIMESTAMP(3) NOT NULL, CONSTRAINT "Session_pkey" PRIMARY KEY ("id"));
CREATE TABLE "User" ("id" TEXT NOT NULL, "name" TEXT, "email" TEXT NOT NULL, "emailVerified"
  TIMESTAMP(3), "image" TEXT, "role" "UserRole" NOT NULL DEFAULT 'STUDENT', "createdAt" TIMESTAMP(3) NOT
  NULL DEFAULT CURRENT_TIMESTAMP, "updatedAt" TIMESTAMP(3) NOT NULL, CONSTRAINT "User_pkey" PRIMARY KEY
  ("id"));
CREATE TABLE "VerificationToken" ("identifier" TEXT NOT NULL, "token" TEXT NOT NULL, "expires"
  TIMESTAMP(3) NOT NULL);

CREATE TABLE "_GroupInstructors" ("A" TEXT NOT NULL, "B" TEXT NOT NULL);
CREATE TABLE "_GroupMembers" ("A" TEXT NOT NULL, "B" TEXT NOT NULL);
\if :prisma5
CREATE UNIQUE INDEX "_GroupInstructors_AB_unique" ON "_GroupInstructors" ("A", "B");
CREATE UNIQUE INDEX "_GroupMembers_AB_unique" ON "_GroupMembers" ("A", "B");
\else
ALTER TABLE "_GroupInstructors" ADD CONSTRAINT "_GroupInstructors_AB_pkey" PRIMARY KEY ("A", "B");
ALTER TABLE "_GroupMembers" ADD CONSTRAINT "_GroupMembers_AB_pkey" PRIMARY KEY ("A", "B");
\endif

CREATE UNIQUE INDEX "Account_provider_providerAccountId_key" ON "Account" ("provider",
  "providerAccountId");
CREATE UNIQUE INDEX "Challenge_pack_id_pack_challenge_id_key" ON "Challenge" ("pack_id",
  "pack_challenge_id");
CREATE UNIQUE INDEX "ChallengeAppConfig_challengeId_appId_key" ON "ChallengeAppConfig" ("challengeId",
  "appId");
CREATE UNIQUE INDEX "ChallengeCompletion_userId_groupChallengeId_key" ON "ChallengeCompletion"
  ("userId", "groupChallengeId");
CREATE INDEX "ChallengeInstance_challengeId_idx" ON "ChallengeInstance" ("challengeId");
CREATE UNIQUE INDEX "ChallengeQuestion_challengeId_order_key" ON "ChallengeQuestion" ("challengeId",
  "order");
CREATE UNIQUE INDEX "CompetitionAccessCode_code_key" ON "CompetitionAccessCode" ("code");
CREATE UNIQUE INDEX "GroupChallenge_challengeId_groupId_key" ON "GroupChallenge" ("challengeId",
  "groupId");
CREATE UNIQUE INDEX "GroupPoints_userId_groupId_key" ON "GroupPoints" ("userId", "groupId");
CREATE UNIQUE INDEX "QuestionCompletion_userId_questionId_groupChallengeId_key" ON "QuestionCompletion"
  ("userId", "questionId", "groupChallengeId");
CREATE UNIQUE INDEX "Session_sessionToken_key" ON "Session" ("sessionToken");
CREATE UNIQUE INDEX "User_email_key" ON "User" ("email");
CREATE UNIQUE INDEX "VerificationToken_token_key" ON "VerificationToken" ("token");
CREATE UNIQUE INDEX "VerificationToken_identifier_token_key" ON "VerificationToken" ("identifier",
  "token");
CREATE INDEX "_GroupInstructors_B_index" ON "_GroupInstructors" ("B");
CREATE INDEX "_GroupMembers_B_index" ON "_GroupMembers" ("B");
\if :pushed
\else
CREATE UNIQUE INDEX "ChallengeType_name_key" ON "ChallengeType" ("name");
\endif

ALTER TABLE "Account" ADD CONSTRAINT "Account_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"
  ("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "ActivityLog" ADD CONSTRAINT "ActivityLog_accessCodeId_fkey" FOREIGN KEY ("accessCodeId")
  REFERENCES "CompetitionAccessCode" ("id") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "ActivityLog" ADD CONSTRAINT "ActivityLog_challengeId_fkey" FOREIGN KEY ("challengeId")
  REFERENCES "Challenge" ("id") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "ActivityLog" ADD CONSTRAINT "ActivityLog_challengeInstanceId_fkey" FOREIGN KEY
  ("challengeInstanceId") REFERENCES "ChallengeInstance" ("id") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "ActivityLog" ADD CONSTRAINT "ActivityLog_groupId_fkey" FOREIGN KEY ("groupId") REFERENCES
  "CompetitionGroup" ("id") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "ActivityLog" ADD CONSTRAINT "ActivityLog_userId_fkey" FOREIGN KEY ("userId") REFERENCES
  "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "Challenge" ADD CONSTRAINT "Challenge_challengeTypeId_fkey" FOREIGN KEY ("challengeTypeId")
  REFERENCES "ChallengeType" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "Challenge" ADD CONSTRAINT "Challenge_pack_id_fkey" FOREIGN KEY ("pack_id") REFERENCES
  "ChallengePack" ("id") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "ChallengeAppConfig" ADD CONSTRAINT "ChallengeAppConfig_challengeId_fkey" FOREIGN KEY
  ("challengeId") REFERENCES "Challenge" ("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "ChallengeCompletion" ADD CONSTRAINT "ChallengeCompletion_groupChallengeId_fkey" FOREIGN KEY
  ("groupChallengeId") REFERENCES "GroupChallenge" ("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "ChallengeCompletion" ADD CONSTRAINT "ChallengeCompletion_userId_fkey" FOREIGN KEY
  ("userId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "ChallengeInstance" ADD CONSTRAINT "ChallengeInstance_challengeId_fkey" FOREIGN KEY
  ("challengeId") REFERENCES "Challenge" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "ChallengeInstance" ADD CONSTRAINT "ChallengeInstance_competitionId_fkey" FOREIGN KEY
  ("competitionId") REFERENCES "CompetitionGroup" ("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "ChallengeInstance" ADD CONSTRAINT "ChallengeInstance_userId_fkey" FOREIGN KEY ("userId")
  REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "ChallengeQuestion" ADD CONSTRAINT "ChallengeQuestion_challengeId_fkey" FOREIGN KEY
  ("challengeId") REFERENCES "Challenge" ("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "CompetitionAccessCode" ADD CONSTRAINT "CompetitionAccessCode_groupId_fkey" FOREIGN KEY
  ("groupId") REFERENCES "CompetitionGroup" ("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "GroupChallenge" ADD CONSTRAINT "GroupChallenge_challengeId_fkey" FOREIGN KEY
  ("challengeId") REFERENCES "Challenge" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "GroupChallenge" ADD CONSTRAINT "GroupChallenge_groupId_fkey" FOREIGN KEY ("groupId")
  REFERENCES "CompetitionGroup" ("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "GroupPoints" ADD CONSTRAINT "GroupPoints_groupId_fkey" FOREIGN KEY ("groupId") REFERENCES
  "CompetitionGroup" ("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "GroupPoints" ADD CONSTRAINT "GroupPoints_userId_fkey" FOREIGN KEY ("userId") REFERENCES
  "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "QuestionAttempt" ADD CONSTRAINT "QuestionAttempt_groupChallengeId_fkey" FOREIGN KEY
  ("groupChallengeId") REFERENCES "GroupChallenge" ("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "QuestionAttempt" ADD CONSTRAINT "QuestionAttempt_questionId_fkey" FOREIGN KEY
  ("questionId") REFERENCES "ChallengeQuestion" ("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "QuestionAttempt" ADD CONSTRAINT "QuestionAttempt_userId_fkey" FOREIGN KEY ("userId")
  REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "QuestionCompletion" ADD CONSTRAINT "QuestionCompletion_groupChallengeId_fkey" FOREIGN KEY
  ("groupChallengeId") REFERENCES "GroupChallenge" ("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "QuestionCompletion" ADD CONSTRAINT "QuestionCompletion_questionId_fkey" FOREIGN KEY
  ("questionId") REFERENCES "ChallengeQuestion" ("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "QuestionCompletion" ADD CONSTRAINT "QuestionCompletion_userId_fkey" FOREIGN KEY ("userId")
  REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "Session" ADD CONSTRAINT "Session_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"
  ("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "_GroupInstructors" ADD CONSTRAINT "_GroupInstructors_A_fkey" FOREIGN KEY ("A") REFERENCES
  "CompetitionGroup" ("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "_GroupInstructors" ADD CONSTRAINT "_GroupInstructors_B_fkey" FOREIGN KEY ("B") REFERENCES
  "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "_GroupMembers" ADD CONSTRAINT "_GroupMembers_A_fkey" FOREIGN KEY ("A") REFERENCES
  "CompetitionGroup" ("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "_GroupMembers" ADD CONSTRAINT "_GroupMembers_B_fkey" FOREIGN KEY ("B") REFERENCES "User"
  ("id") ON DELETE CASCADE ON UPDATE CASCADE;
