declare const process: { env: Record<string, string | undefined> };
// What docs/clients.md shows, as a program: a class out of a file, by pages, with a write that is repeated.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

const { URL: baseUrl = "", TOKEN = "" } = process.env;
const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${TOKEN}` } });
const vera = { "X-Acting-User": "vera" };

function found<T>(answer: { data?: T; error?: { code?: string; error?: string } }): T {
  if (answer.data === undefined) throw new Error(answer.error?.code);
  return answer.data;
}

// A write that may be lost: the same key, until there is an answer that says more than "come again".
async function once<T>(send: (key: string) => Promise<{ data?: T; error?: { code?: string }; response: Response }>): Promise<T> {
  const key = crypto.randomUUID();
  for (const pause of [0, 500, 1000, 2000, 4000]) {
    await new Promise((wake) => setTimeout(wake, pause));
    try {
      const answer = await send(key);
      if (answer.error?.code !== "in_progress" && ![503, 504].includes(answer.response.status)) return found(answer);
    } catch (lost) {
      if (!(lost instanceof TypeError)) throw lost; // fetch failed: nobody knows
    }
  }
  throw new Error("no answer");
}

const competition = found(await client.POST("/competition/create", {
  params: { header: vera },
  body: { name: "Typed", startDate: "2025-01-01T00:00:00Z", instructorIds: ["vera"] } }));
const path = { group_id: competition.id };

const imported = found(await client.POST("/competition/{group_id}/roster", {
  params: { path, header: vera, query: { make_users: true } },
  body: "email,name\none@school.example,One\ntwo@school.example,Two\nnobody\n",
  bodySerializer: (csv) => csv, headers: { "Content-Type": "text/csv" } }));
console.log(imported.membersAdded, imported.errors.map((wrong) => `${wrong.line}: ${wrong.message}`).join());

const rows: components["schemas"]["roster_row"][] = [];
for (let cursor: string | null | undefined = undefined; cursor !== null;) {
  const page: components["schemas"]["roster_page"] = found(await client.GET("/competition/{group_id}/roster", {
    params: { path, header: vera, query: { limit: 1, ...(cursor && { cursor }) } } }));
  rows.push(...page.roster);
  cursor = page.nextCursor;
}
console.log(rows.map((row) => `${row.email} ${row.isMember}`).join());

const user_id = rows[0]?.userId ?? "";
let sent = 0;
const given = await once((key) => {
  const answer = client.POST("/add_points", {
    params: { header: { ...vera, "Idempotency-Key": key } }, body: { user_id, group_id: competition.id, points: 5, reason: "typed" } });
  if (++sent === 1) return answer.then(() => { throw new TypeError("the answer was lost"); });
  return answer;
});
console.log(given.points, sent);

// What is misspelled does not compile.
// @ts-expect-error
void (() => client.POST("/add_points", { body: { user_id, group_id: competition.id, points: "5" } }));
// @ts-expect-error
void (() => given.point);
const refused = await client.GET("/competition/{group_id}/members", { params: { path, header: { "X-Acting-User": "otto" } } });
console.log(refused.error?.code);
