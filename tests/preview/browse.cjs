// Opens pages in a real Chromium. Reads {pages: {name: html}, closely: [name], charts: {name: mermaid}} as JSON from
// standard input, writes what went wrong with each: console messages, requests, axe violations, overflow, parse errors.
const fs = require("fs");
const os = require("os");
const path = require("path");
const { chromium } = require("playwright-core");

const AXE = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const MERMAID = path.join(path.dirname(require.resolve("mermaid")), "mermaid.min.js");
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];
// Width, colours, and what axe has to check there: nothing twice, it is slow.
const LOOKS = [
  [1280, "light", {}],
  [390, "light", null],
];
const CLOSE_LOOKS = [
  [1280, "light", {}],
  [1280, "dark", { runOnly: ["color-contrast"] }],
  [390, "light", { rules: { "color-contrast": { enabled: false } } }],
];

const PATIENCE = 120_000; // for a page on a busy machine [ms]
const AT_ONCE = 3; // pages: with all of them a slow machine has not loaded the last before its time is over
const SHEET = 700; // width of A4 between margins of 12 mm [CSS pixels]

async function look(browser, file, [width, colorScheme, rules]) {
  // axe runs inside the page, which the page's own policy forbids to anything but this test.
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, bypassCSP: true });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const faults = [];
  page.on("console", (message) => faults.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => faults.push(`error: ${error}`));
  page.on("request", (request) => {
    if (request.url() !== `file://${file}` && !request.url().startsWith("data:")) faults.push(`request: ${request.url()}`);
  });
  await page.goto(`file://${file}`);
  await page.evaluate(() => document.querySelectorAll("details.panel").forEach((part) => { part.open = true; }));
  // All values look alike, and axe is slow with thousands of them.
  await page.evaluate(() => document.querySelectorAll(".value:nth-of-type(n + 20)").forEach((part) => part.remove()));
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 0) faults.push(`overflow: ${wide} px`);
  if (rules) {
    await page.evaluate(AXE);
    const { violations } = await page.evaluate((options) => axe.run(document, options), rules);
    faults.push(...violations.map((found) => `axe: ${found.impact} ${found.id} ${found.nodes[0].html.slice(0, 200)}`));
  }
  await page.evaluate(() => scrollTo(0, 0));
  await page.keyboard.press("Tab");
  const first = await page.evaluate(() => document.activeElement.className);
  if (first !== "skip") faults.push(`keyboard: Tab goes to ${first || "nothing"} first`);
  await context.close();
  return faults.map((fault) => `${width} ${colorScheme}: ${fault}`);
}

// On paper nothing can be scrolled or opened: everything has to be there, and no wider than the sheet.
async function print(browser, file) {
  const context = await browser.newContext({ viewport: { width: SHEET, height: 1000 } });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  await page.emulateMedia({ media: "print" });
  await page.goto(`file://${file}`);
  const faults = await page.evaluate(() => {
    const wide = [...document.querySelectorAll("body *")].filter((part) => part.getBoundingClientRect().right > innerWidth + 1);
    const cut = [...document.querySelectorAll("pre, .scroll, td, code")].filter(
      (part) => part.scrollWidth > part.clientWidth + 1 && getComputedStyle(part).display !== "inline");
    const shut = [...document.querySelectorAll("details > :not(summary)")].filter((part) => !part.checkVisibility());
    return Object.entries({ wide, cut, shut }).flatMap(([fault, parts]) =>
      parts.slice(0, 3).map((part) => `${fault}: ${part.outerHTML.slice(0, 200)}`));
  });
  await context.close();
  return faults.map((fault) => `print: ${fault}`);
}

async function parse(page, text) {
  return page.evaluate(async (chart) => {
    try {
      await mermaid.parse(chart);
      const drawn = await mermaid.render("drawn", chart);
      return /<script|onerror=/.test(drawn.svg) ? ["script in the drawing"] : [];
    } catch (error) {
      return [`mermaid: ${error}`];
    }
  }, text);
}

(async () => {
  const { pages, closely, charts } = JSON.parse(fs.readFileSync(0, "utf8"));
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "previews-"));
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS });
  const faults = {};
  try {
    const lookAt = async ([name, html], number) => {
      const file = path.join(folder, `${number}.html`);
      fs.writeFileSync(file, html);
      const looks = closely.includes(name) ? CLOSE_LOOKS : LOOKS;
      const papers = closely.includes(name) ? [print(browser, file)] : [];
      faults[name] = (await Promise.all([...looks.map((how) => look(browser, file, how)), ...papers])).flat();
    };
    const waiting = Object.entries(pages).entries();
    const work = async () => { for (const [number, page] of waiting) await lookAt(page, number); };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    const page = await browser.newPage();
    await page.addScriptTag({ path: MERMAID });
    await page.evaluate(() => mermaid.initialize({ startOnLoad: false, securityLevel: "strict" }));
    for (const [name, text] of Object.entries(charts)) faults[name] = await parse(page, text);
  } finally {
    await browser.close();
    fs.rmSync(folder, { recursive: true });
  }
  process.stdout.write(JSON.stringify(faults));
})();
