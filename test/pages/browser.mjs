// What the tests of pages share: a browser, lines of TAP, and what is asked of every page.

import { chromium } from 'playwright-core';

let count = 0;

export function check(right, name, ...told) {
  console.log(`${right ? 'ok' : 'not ok'} ${++count} - ${name}`);
  if (!right) for (const value of told) console.log(`# ${JSON.stringify(value)}`);
}

export const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] });

// A page of a window of this size, which notes what goes wrong in it and what it asks for.
export async function open(url, options = {}) {
  const { width = 1366, height = 768, scheme = 'light', motion = 'no-preference' } = options;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, reducedMotion: motion, hasTouch: width < 600, isMobile: width < 600 });
  const page = await context.newPage();
  page.wrong = [];
  page.asked = [];
  page.on('pageerror', (error) => page.wrong.push(error.message));
  page.on('console', (message) => {
    // that a connection was lost, or an icon is not there, is the browser's word and no fault of the page
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) page.wrong.push(message.text());
  });
  page.on('request', (request) => page.asked.push(request.url()));
  await page.goto(url);
  return page;
}

// Waits until something is true in the page; returns after how many milliseconds, or undefined.
export async function until(page, what, argument, timeout = 10000) {
  const begin = Date.now();
  try {
    await page.waitForFunction(what, argument, { timeout, polling: 20 });
  } catch {
    return undefined;
  }
  return Date.now() - begin;
}

// How far the page is wider than its window.
export const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

// Texts whose contrast to what is behind them is less than WCAG's AA asks for.
export const faint = (page) => page.evaluate(() => {
  const parse = (color) => {
    const [r, g, b, a = 1] = color.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const light = ({ r, g, b }) => [r, g, b].map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color.a === 1) return color;
    }
    return parse('rgb(255, 255, 255)');
  };
  const found = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest('script, style, .unseen, .changed')) continue;
    const style = getComputedStyle(element);
    if (parseFloat(style.fontSize) === 0) continue;
    const color = parse(element instanceof SVGElement ? style.fill : style.color);
    const [high, low] = [light(color), light(behind(element))].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) found.add(`${element.tagName}.${element.className?.baseVal ?? element.className}: ${ratio.toFixed(2)}`);
  }
  return [...found];
});

export async function done() {
  await browser.close();
  console.log(`1..${count}`);
}
