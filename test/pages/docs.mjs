// The page that describes the interface: node docs.mjs URL

import { browser, check, done, faint, open, overflow, until } from './browser.mjs';

const [url] = process.argv.slice(2);
const address = `${url}/docs`;
const visible = (page) => page.evaluate(() => [...document.querySelectorAll('article')].filter((one) => one.checkVisibility()).map((one) => one.id));

let page = await open(address);
const all = await visible(page);
check(all.length > 50, 'every route is shown', all.length);
check(await page.evaluate(() => [...document.querySelectorAll('a[href^="#"]')].every((link) => document.getElementById(link.hash.slice(1)))), 'every link leads somewhere');
check(await page.evaluate(() => new Set([...document.querySelectorAll('[id]')].map((one) => one.id)).size === document.querySelectorAll('[id]').length), 'ids are given once');

// ---- search, by the keyboard alone
await page.keyboard.press('/');
check(await page.evaluate(() => document.activeElement.matches('#search input')), 'a stroke begins the search');
await page.keyboard.type('question attempt');
check((await visible(page)).join() === 'POST_question_attempt', 'words of the name find it', await visible(page));
check(await page.locator('#found').textContent() === `1 of ${all.length}`, 'and how many there are is said');
await page.keyboard.press('Enter');
check(await page.evaluate(() => document.activeElement.closest('article')?.id) === 'POST_question_attempt', 'Enter goes there');
await page.keyboard.press('Escape');
check((await visible(page)).length === all.length, 'Escape shows all again');
await page.fill('#search input', 'ledger');
check((await visible(page)).length > 0 && (await visible(page)).length < all.length, 'words of the text find routes, too');
await page.fill('#search input', 'no such words anywhere');
check(await page.locator('#nothing').isVisible(), 'what is not found is said');
await page.evaluate(() => { location.hash = '#GET_get_points'; });
check(await until(page, () => document.getElementById('GET_get_points').checkVisibility()) !== undefined, 'a link shows what the search has hidden');

// ---- curl and fetch
const shown = (kind) => page.evaluate((name) => [...document.querySelectorAll(`pre.${name}`)].filter((one) => one.checkVisibility()).length, kind);
check(await shown('curl') === all.length && await shown('fetch') === 0, 'lines of curl at first');
await page.focus('#as-curl');
await page.keyboard.press('ArrowRight');
check(await shown('curl') === 0 && await shown('fetch') === all.length, 'or calls of fetch, by the keyboard');
check((await page.locator('#POST_packs_upload').textContent()).includes("form.append('file'"), 'an upload is a form');

// ---- in any window
await page.evaluate(() => scrollTo(0, 0));
await page.reload();
await page.keyboard.press('Tab');
check(await page.evaluate(() => document.activeElement.className) === 'skip', 'the first thing that the keyboard reaches leads to the text');
check((await faint(page)).length === 0, 'contrast in light', await faint(page));
check(page.asked.every((one) => one.startsWith(address) || one.endsWith('/favicon.ico')), 'nothing else is asked for', page.asked);
check(page.wrong.length === 0, 'and nothing goes wrong', page.wrong);
for (const width of [320, 390, 768, 1920]) {
  page = await open(address, { width, scheme: 'dark' });
  check(await overflow(page) <= 0, `no wider than a window of ${width}`, await overflow(page));
  if (width === 390) {
    check((await faint(page)).length === 0, 'contrast in dark', await faint(page));
    check(!await page.locator('nav li').first().isVisible(), 'on a phone the list is closed');
    await page.tap('nav summary');
    await page.tap('nav a[href="#POST_competition_join"]');
    check(!await page.locator('nav li').first().isVisible(), 'and closes behind a choice');
    check(await until(page, () => { const top = document.getElementById('POST_competition_join').getBoundingClientRect().top; return top > 0 && top < innerHeight / 2; }) !== undefined, 'which is in view then');
  }
}

// ---- without a script
const context = await browser.newContext({ javaScriptEnabled: false });
page = await context.newPage();
await page.goto(address);
check(await page.locator('#search').isHidden() && await page.locator('#POST_question_attempt').isVisible(), 'without a script it is a text, and has no search');
await done();
