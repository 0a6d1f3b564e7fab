// A bot that plays: node bot.mjs URL TOKEN USER CODE WORD...  Joins by the code, and tries the words at every question
// that is a text.  What it knows of the interface it has from GET /openapi.json: method, place and name of each parameter.
import { randomUUID } from "node:crypto";

const [url, token, user, code, ...words] = process.argv.slice(2);
if (code === undefined) {
  console.error("usage: node bot.mjs URL TOKEN USER CODE WORD...");
  process.exit(2);
}
const api = await (await fetch(`${url}/openapi.json`)).json();
const operations = new Map();

for (const [path, methods] of Object.entries(api.paths))
  for (const [method, operation] of Object.entries(methods))
    operations.set(operation.operationId, { path, method: method.toUpperCase(), operation });

const resolve = (node) => node?.$ref ? node.$ref.slice(2).split("/").reduce((at, key) => at[key], api) : node;

// Calls an operation with values by name; where each goes, and whether it is needed, the document says.
async function call(id, values) {
  const { path, method, operation } = operations.get(id);
  const headers = { Authorization: `Bearer ${token}` };
  const query = new URLSearchParams();
  const left = new Map(Object.entries(values));
  let target = path;
  for (const { name, in: place, required } of (operation.parameters ?? []).map(resolve)) {
    if (!left.has(name)) {
      if (required) throw new Error(`${id} needs ${name}`);
      continue;
    }
    if (place === "path") target = target.replace(`{${name}}`, encodeURIComponent(left.get(name)));
    else if (place === "query") query.set(name, left.get(name));
    else headers[name] = left.get(name);
    left.delete(name);
  }
  let body;
  if (operation.requestBody) {
    const schema = resolve(operation.requestBody.content["application/json"].schema);
    for (const name of schema.required ?? []) if (!left.has(name)) throw new Error(`${id} needs ${name}`);
    for (const name of left.keys()) if (!schema.properties[name]) throw new Error(`${id} knows no ${name}`);
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(Object.fromEntries(left));
  } else if (left.size > 0) throw new Error(`${id} knows no ${[...left.keys()]}`);
  const answer = await fetch(`${url}${target}${query.size ? `?${query}` : ""}`, { method, headers, body });
  const said = await answer.json();
  if (!answer.ok) throw new Error(`${id}: ${answer.status} ${said.code}`);
  const shape = resolve(operation.responses["200"].content["application/json"].schema);
  for (const name of shape.required ?? []) if (!(name in said)) throw new Error(`${id}: no ${name} in the answer`);
  return said;
}

const game = await call("POST_competition_join", { code, userId: user, "Idempotency-Key": randomUUID() });
for (const placed of game.challenges) {
  const challenge = await call("GET_challenge_details", { challenge_id: placed.challengeId });
  for (const question of challenge.questions.filter(({ type }) => type === "TEXT"))
    for (const answer of words) {
      const judged = await call("POST_question_attempt", { user_id: user, question_id: question.id,
        group_challenge_id: placed.id, answer, "Idempotency-Key": randomUUID() });
      if (judged.isCorrect) break;
    }
}
const board = await call("GET_competition_group_id_leaderboard", { group_id: game.id });
console.log(board.find(({ userId }) => userId === user)?.points ?? 0);
