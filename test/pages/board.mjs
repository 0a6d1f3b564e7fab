// The page of a board: node board.mjs URL, with the tokens EDURANGE_SERVICE_TOKEN and EDURANGE_PLAYER_TOKEN.  Where a line
// "do WORD" is printed, whoever runs this does it and answers with a line.

import { createInterface } from 'node:readline';
import { check, done, faint, open, overflow, until } from './browser.mjs';

const [url] = process.argv.slice(2);
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const sleep = (ms) => new Promise((ready) => { setTimeout(ready, ms); });

async function ask(word) {
  console.log(`do ${word}`);
  await answers.next();
}

async function send(method, path, body) {
  const response = await fetch(url + path, {
    method,
    headers: { Authorization: `Bearer ${process.env.EDURANGE_SERVICE_TOKEN}`, 'Content-Type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  if (!response.ok) console.log(`# ${method} ${path}: ${response.status} ${await response.text()}`);
  return response.ok;
}

const solve = (user, challenge) => send('POST', '/question/complete', { user_id: user, question_id: `q${challenge}`, group_challenge_id: `small-${challenge}` });
const policy = (group, rule) => send('PUT', `/competition/${group}/board-policy`, rule);
const row = (page, place) => page.locator(`#rows tr:nth-child(${place})`);
const pointsOf = ([name, points]) => [...document.querySelectorAll('#rows tr')].some((line) => line.querySelector('th').textContent === name && line.querySelector('.points').textContent === points);
const order = (page) => page.evaluate(() => [...document.querySelectorAll('#rows th bdi')].map((name) => name.textContent).join());

// ---- a few members
let page = await open(`${url}/board/small`, { width: 1920, height: 1080 });
check(await until(page, () => document.querySelectorAll('#rows tr').length === 3) !== undefined, 'three members are shown');
check(await page.locator('#title').textContent() === 'A small one' && await page.title() === 'A small one', 'under the name of the competition');
check(/^\d d \d\d:\d\d:\d\d left$/.test((await page.locator('#clock').textContent()).trim()), 'with the time that is left', await page.locator('#clock').textContent());
check(await page.locator('#search').isHidden() && await page.locator('#more').isHidden(), 'and nothing to search where all is seen');

await sleep(1500);
await page.evaluate(() => { window.same = true; });
await solve('bo', 1);
let took = await until(page, pointsOf, ['Bo', '10'], 5000);
check(took !== undefined, 'a solve is in an open page', took);
check(await until(page, () => document.getAnimations().some((one) => !(one instanceof CSSAnimation))) !== undefined || await order(page) === 'Bo,Ann,Cy', 'rows move');
check(await order(page) === 'Bo,Ann,Cy', 'to their new places', await order(page));
check(await row(page, 1).locator('.was-first').count() === 1, 'who was first is marked');
check((await row(page, 1).locator('.solved .unseen').textContent()) === '1 of 2, First (first)', 'and that is said', await row(page, 1).locator('.solved .unseen').textContent());
check((await page.locator('#challenges li').first().textContent()).includes('Bo'), 'who solved a challenge first stands beside it');
await solve('ann', 1);
await solve('ann', 2);
check(await until(page, pointsOf, ['Ann', '30']) !== undefined && await order(page) === 'Ann,Bo,Cy', 'the next one leads');
check(await row(page, 1).locator('.is').count() === 1 && await row(page, 1).locator('.was-first').count() === 1, 'and what she solved is shown');
check(await until(page, () => document.querySelectorAll('#chart path').length === 2, null, 15000) !== undefined, 'the lines of those who have points are drawn');
check((await page.locator('#chart').getAttribute('aria-label')).startsWith('Points over time: Ann 30, Bo 10'), 'and said');
const table = await page.evaluate(() => [...document.querySelectorAll('table thead th')].map((one) => one.scope).join() + [...document.querySelectorAll('#rows th')].map((one) => one.scope).join());
check(table === 'col,col,col,colrow,row,row', 'it is a table with heads', table);
check((await page.locator('#said').textContent()).startsWith('First: '), 'who leads is told to who listens');
// (others use the machine, too)
for (let round = 0; round < 2 && took >= 1000; round++) {
  for (const [delta, points] of [[1, '11'], [-1, '10']]) {
    await send('POST', '/add_points', { user_id: 'bo', group_id: 'small', points: delta });
    took = Math.min(took, await until(page, pointsOf, ['Bo', points], 5000) ?? Infinity);
  }
}
check(took < 1000, 'a solve is there within a second', took);

// ---- frozen, and thawed
await policy('small', { visibility: 'public', freezeAt: new Date().toISOString() });
check(await until(page, () => document.getElementById('frozen').checkVisibility()) !== undefined, 'a freeze is said');
await solve('cy', 1);
await solve('cy', 2);
await sleep(2000);
check(await order(page) === 'Ann,Bo,Cy' && !await page.evaluate(pointsOf, ['Cy', '30']), 'and what comes behind it is not shown', await order(page));
await policy('small', { visibility: 'public' });
check(await until(page, pointsOf, ['Cy', '30']) !== undefined && await page.locator('#frozen').isHidden(), 'thawed, it is');

// ---- the service goes and comes back; what it answers meanwhile is not the end
let late = 0;
await page.route('**/board-events', (route) => { late++; return route.fulfill({ status: 504, body: '' }); }, { times: 1 });
await ask('restart');
check(await until(page, () => document.getElementById('state').textContent === 'live', null, 30000) !== undefined && late === 1, 'it is live again after a restart');
await send('POST', '/add_points', { user_id: 'bo', group_id: 'small', points: 5 });
check(await until(page, pointsOf, ['Bo', '15']) !== undefined && await page.evaluate(() => window.same === true), 'and goes on, without having been loaded again');
check(page.wrong.length === 0, 'nothing goes wrong in it', page.wrong);
check(page.asked.every((one) => one.startsWith(`${url}/`)), 'nothing is fetched from elsewhere', page.asked);
check((await page.evaluate(async () => { try { await fetch('http://127.0.0.1:1/'); return 'fetched'; } catch { return 'refused'; } })) === 'refused' && page.wrong.some((text) => /Content Security Policy|connect-src/.test(text)), 'nor may it be');

// ---- who prefers no motion
page = await open(`${url}/board/small`, { motion: 'reduce' });
await until(page, pointsOf, ['Bo', '15']);
await page.evaluate(() => { window.moved = 0; const old = Element.prototype.animate; Element.prototype.animate = function animate(...all) { window.moved++; return old.apply(this, all); }; });
await send('POST', '/add_points', { user_id: 'bo', group_id: 'small', points: 100 });
check(await until(page, pointsOf, ['Bo', '115']) !== undefined && await order(page) === 'Bo,Ann,Cy', 'rows change their places');
check(await page.evaluate(() => window.moved === 0 && document.getAnimations().length === 0), 'and nothing moves for who prefers that');

// ---- names
for (const [width, height, scheme] of [[390, 844, 'light'], [390, 844, 'dark'], [1366, 768, 'light'], [1920, 1080, 'dark'], [3840, 2160, 'light']]) {
  page = await open(`${url}/board/names`, { width, height, scheme });
  const where = `${width}, ${scheme}`;
  check(await until(page, () => document.querySelectorAll('#rows tr').length === 8 && document.querySelectorAll('#chart path').length === 8) !== undefined, `${where}: all names are shown`);
  check(await overflow(page) <= 0, `${where}: no wider than the window`, await overflow(page));
  check((await faint(page)).length === 0, `${where}: contrast`, await faint(page));
  check(await page.evaluate(() => Math.max(...[...document.querySelectorAll('#rows tr')].map((line) => line.offsetHeight)) < 4.2 * parseFloat(getComputedStyle(document.documentElement).fontSize)), `${where}: no name makes its row high`);
}
check(await page.evaluate(() => !document.querySelector('main img, main b, main script') && window.hacked === undefined), 'names are text and no markup');
check(await page.evaluate(() => [...document.querySelectorAll('#rows bdi')].some((name) => name.textContent === '<img src=x onerror="hacked=1">')), 'and are shown as they are');
check(await page.evaluate(() => document.querySelectorAll('#rows bdi[dir=auto]').length === 8), 'each in a direction of its own');
check(await page.evaluate(() => parseFloat(getComputedStyle(document.querySelector('#rows th')).fontSize)) >= 30, 'letters grow with the wall');

// ---- many members
page = await open(`${url}/board/many`, { width: 1366, height: 768 });
took = await until(page, () => document.querySelectorAll('#rows tr').length === 100, null, 20000);
check(took !== undefined, '5,000 members: the best hundred', took);
check((await page.locator('#rest').textContent()) === '100 of 5,000', 'and how many there are', await page.locator('#rest').textContent());
await page.focus('#search');
await page.keyboard.type('student 4999');
check(await until(page, () => document.querySelectorAll('#rows tr').length === 1) !== undefined && Number(await row(page, 1).locator('.rank').textContent()) > 300, 'each of them can be found', await row(page, 1).textContent());
await page.fill('#search', '');
await page.click('#more');
check(await page.locator('#rows tr').count() === 200, 'and more be shown');
await page.evaluate(() => { new PerformanceObserver((list) => { for (const one of list.getEntries()) window.longest = Math.max(window.longest, one.duration); }).observe({ type: 'longtask' }); });
// (others use the machine, too)
let busy = Infinity;
for (let n = 4000; n < 4003 && busy >= 500; n++) {
  await page.evaluate(() => { window.longest = 0; });
  await send('POST', '/add_points', { user_id: `m${n}`, group_id: 'many', points: n + 5000 });
  // (a board that takes long to read is asked for less often: for a twentieth of the time)
  took = await until(page, (name) => document.querySelector('#rows th').textContent === name, `Student ${n}`, 20000);
  busy = await page.evaluate(() => window.longest);
}
check(took !== undefined && busy < 500, 'a change is shown there, too, and the page is busy with it for less than half a second', took, busy);
console.log(`# 5,000 members: shown after ${took} ms, the page was busy for ${busy} ms at most`);

// ---- not for everybody
page = await open(`${url}/board/closed`);
check(await until(page, () => document.getElementById('notice').checkVisibility()) !== undefined && await page.locator('#rows tr').count() === 0, 'a board that is not public is not shown');
await page.fill('#token', process.env.EDURANGE_PLAYER_TOKEN);
await page.keyboard.press('Enter');
check(await until(page, () => document.querySelectorAll('#rows tr').length === 1) !== undefined && await page.locator('#notice').isHidden(), 'with a token it is');
page = await open(`${url}/board/closed#token=${process.env.EDURANGE_PLAYER_TOKEN}`);
check(await until(page, () => document.querySelectorAll('#rows tr').length === 1) !== undefined, 'and with one in the fragment');
check(page.url() === `${url}/board/closed`, 'which the address loses at once');
check(page.asked.every((one) => !one.includes('edr_')), 'and which no address that is asked for has');
await page.reload();
check(await until(page, () => document.querySelectorAll('#rows tr').length === 1) !== undefined, 'it is kept for this window');
page = await open(`${url}/board/closed`);
await until(page, () => document.getElementById('notice').checkVisibility());
await page.goto(`${url}/board/closed#token=${process.env.EDURANGE_PLAYER_TOKEN}`);
check(await until(page, () => document.querySelectorAll('#rows tr').length === 1) !== undefined && page.url() === `${url}/board/closed`, 'one in the fragment of a page that is open is taken, too', page.url());

// ---- and not for them any more
page = await open(`${url}/board/names`);
await until(page, () => document.querySelectorAll('#rows tr').length === 8 && document.querySelectorAll('#chart path').length === 8);
await policy('names', { visibility: 'staff' });
check(await until(page, () => document.getElementById('notice').checkVisibility(), null, 20000) !== undefined, 'a wall whose board is for staff now says so');
await page.evaluate(() => document.getElementById('search').dispatchEvent(new Event('input')));
await page.evaluate(() => document.getElementById('more').click());
const left = await page.evaluate(() => [document.title, ...['title', 'rows', 'challenges', 'chart', 'said'].map((id) => document.getElementById(id).textContent)].join('|'));
check(left === 'Board|Board||||' && await page.locator('#search').isHidden() && await page.locator('#more').isHidden(), 'and shows nothing of it', left);
check(page.wrong.length === 0, 'without an error, whatever is pressed', page.wrong);
page = await open(`${url}/board/none`);
check(await until(page, () => document.getElementById('notice').checkVisibility()) !== undefined, 'what does not exist looks like what is not public');
await done();
process.stdin.destroy(); // it is open as long as somebody could answer
