// What a dashboard does with Prisma's client; prints a line for each outcome.
import { adapter } from './adapter.mjs';
import client from './client/index.js'; // generated

const prisma = new client.PrismaClient({ adapter: adapter() });

// The code of the error that is expected, or what came instead.
const refusal = (promise) => promise.then(() => 'nothing', (error) => error.code ?? error.message);

const user = await prisma.user.create({ data: { email: 'prisma@example.org' } });
console.log('user', user.id.length, user.updatedAt instanceof Date);
const group = await prisma.competitionGroup.create({
  data: {
    name: 'Prisma',
    startDate: new Date('2020-01-01'),
    members: { connect: { id: user.id } },
    instructors: { create: { email: 'teacher@example.org', role: 'INSTRUCTOR' } },
  },
});
// Its own words, without id and updatedAt.
for (let i = 0; i < 2; i++)
  await prisma.$executeRaw`INSERT INTO "GroupPoints" ("userId", "groupId", points) VALUES (${user.id}, ${group.id}, 11)
    ON CONFLICT ("userId", "groupId") DO UPDATE SET points = "GroupPoints".points + 11`;
const total = await prisma.groupPoints.findFirstOrThrow({ where: { userId: user.id } });
console.log('total', total.points, total.id.length, Math.abs(total.updatedAt - Date.now()) < 60000);
const challenge = await prisma.challenge.create({
  data: {
    name: 'C',
    challengeType: { connectOrCreate: { where: { name: 'web' }, create: { name: 'web' } } },
    challengeQuestions: {
      create: [
        { content: 'worked at', type: 'TEXT', points: 1, order: 0 },
        { content: 'not worked at', type: 'TEXT', points: 1, order: 1 },
      ],
    },
    challengeAppConfigs: { create: { appId: 'a', title: 'A', icon: 'i', width: 1, height: 1, screen: 's' } },
  },
  include: { challengeQuestions: { orderBy: { order: 'asc' } } },
});
const placed = await prisma.groupChallenge.create({ data: { points: 2, challengeId: challenge.id, groupId: group.id } });
const [worked, untouched] = challenge.challengeQuestions.map((question) => question.id);
await prisma.questionAttempt.create({
  data: { questionId: worked, userId: user.id, groupChallengeId: placed.id, answer: 'x', isCorrect: false },
});
console.log('worked at', await refusal(prisma.challengeQuestion.delete({ where: { id: worked } })));
console.log('all', await refusal(prisma.challengeQuestion.deleteMany({ where: { challengeId: challenge.id } })));
console.log('untouched', await refusal(prisma.challengeQuestion.delete({ where: { id: untouched } })));
// A RESTRICT of the platform's own, whose SQLSTATE is another from PostgreSQL 18 on.
console.log('played', (await refusal(prisma.challenge.delete({ where: { id: challenge.id } }))) !== 'nothing');
await prisma.groupChallenge.delete({ where: { id: placed.id } });
console.log('challenge', await refusal(prisma.challenge.delete({ where: { id: challenge.id } })));
console.log('group', await refusal(prisma.competitionGroup.delete({ where: { id: group.id } })));
await prisma.user.deleteMany({ where: { email: { in: ['prisma@example.org', 'teacher@example.org'] } } });
await prisma.$disconnect();
