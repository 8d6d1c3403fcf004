// The report as a reader meets it: node page_test.mjs REPORT.html
// No console error, no request, tooltips and the choice of a threshold by mouse and by keyboard, no serious finding of axe,
// and everything readable where scripts do not run.
import { readFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const report = path.resolve(process.argv[2]);
const address = pathToFileURL(report).href;
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const pictures = path.join(path.dirname(report), "screenshots");
mkdirSync(pictures, { recursive: true });

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: process.getuid() === 0 ? ["--no-sandbox"] : [],
});
let failed = 0;

async function test(name, options, body) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, bypassCSP: true, ...options });
  const page = await context.newPage();
  const problems = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("request", (request) => /^(file|data):/.test(request.url()) || problems.push(`request: ${request.url()}`));
  try {
    await page.goto(address);
    await body(page);
    assert.deepEqual(problems, []);
    console.log(`ok    ${name}`);
  } catch (error) {
    ++failed;
    console.log(`FAIL  ${name}\n${error.stack}`);
  }
  await context.close();
}

async function serious(page) {
  await page.evaluate(axeSource);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations
    .filter((violation) => ["serious", "critical"].includes(violation.impact))
    .map((violation) => `${violation.id}: ${violation.nodes.length} x ${violation.nodes[0].html.slice(0, 160)}`);
}

const chart = "#figure-7 .interactive";

for (const colorScheme of ["light", "dark"]) {
  await test(`${colorScheme}: axe finds nothing serious`, { colorScheme }, async (page) => {
    assert.deepEqual(await serious(page), []);
    await page.screenshot({ path: path.join(pictures, `${colorScheme}.png`) });
    await page.locator("#figure-7").screenshot({ path: path.join(pictures, `figure-7-${colorScheme}.png`) });
    await page.locator("#timeline-figure").screenshot({ path: path.join(pictures, `timeline-${colorScheme}.png`) });
  });
}

await test("without scripts all tables and pictures are there", { javaScriptEnabled: false }, async (page) => {
  assert.equal(await page.locator("main h3", { hasText: /^Table [0-9]+: / }).count(), 13);
  for (const figure of ["1a", "7", "10"]) assert.ok(await page.locator(`#figure-${figure} .picture > svg`).isVisible());
  assert.ok(await page.locator("#timeline-figure svg").isVisible());
  assert.equal(await page.locator("main svg:not([aria-label])").count(), 0);
  await page.locator("#figures").scrollIntoViewIfNeeded();
  await page.screenshot({ path: path.join(pictures, "without-scripts.png"), fullPage: true });
});

await test("a tooltip by mouse", {}, async (page) => {
  const box = page.locator(chart).first();
  await box.scrollIntoViewIfNeeded();
  const bar = await box.locator("g[aria-label=bar] rect").first().boundingBox();
  await page.mouse.move(bar.x + bar.width / 2, bar.y + 1);
  await page.mouse.move(bar.x + bar.width / 2, bar.y + 2);
  assert.match(await box.locator(".tip").textContent(), /^U-HAUL, 3 MB: .*ms/);
  await page.screenshot({ path: path.join(pictures, "tooltip.png") });
});

await test("a tooltip and the threshold by keyboard", {}, async (page) => {
  const box = page.locator(chart).first();
  await box.focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  assert.match(await box.locator(".tip").textContent(), /^U-HAUL, 4 MB: .*ms/);
  await page.keyboard.press("Enter");
  assert.equal(await page.locator("#threshold").inputValue(), "4 MB");
  assert.ok((await page.locator("tr.chosen").count()) > 10);
  await page.keyboard.press("Escape");
  assert.equal(await box.locator(".tip").textContent(), "");
});

await test("the threshold by mouse, in charts and tables", {}, async (page) => {
  await page.locator("#threshold").selectOption("5 MB");
  const heads = await page.locator("tr.chosen th").allTextContents();
  assert.ok(heads.length > 10 && heads.every((head) => head === "5 MB"));
  const faded = page.locator(chart).first().locator("g[aria-label=bar] rect[fill-opacity='0.25']");
  assert.ok((await faded.count()) > 0);
  await page.locator(chart).first().scrollIntoViewIfNeeded();
  await page.screenshot({ path: path.join(pictures, "threshold.png") });
});

await test("every link within the page leads somewhere", {}, async (page) => {
  for (const link of await page.locator("a[href^='#']").all()) {
    assert.equal(await page.locator(await link.getAttribute("href")).count(), 1);
  }
});

await browser.close();
process.exit(failed === 0 ? 0 : 1);
