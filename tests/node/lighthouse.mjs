// Lighthouse judges pages: {chromium, flags, cookie, pages} comes on standard input, what it found goes to standard output.
import {text} from 'node:stream/consumers';
import lighthouse from 'lighthouse';
import puppeteer from 'puppeteer-core';

const {chromium, flags, cookie, pages} = JSON.parse(await text(process.stdin));
const how = {
	onlyCategories: ['accessibility', 'best-practices'],
	throttlingMethod: 'provided', formFactor: 'desktop', screenEmulation: {disabled: true},
	disableFullPageScreenshot: true, disableStorageReset: true, logLevel: 'silent',
	// Without a picture of its own the browser never tells that it is idle: what is there by then is judged.
	maxWaitForLoad: 3000,
};
const browser = await puppeteer.launch({executablePath: chromium, args: flags, headless: true});
const found = {};
try {
	const [page] = await browser.pages();
	await page.setCookie({...cookie, url: pages[0]});
	for (const address of pages) {
		const {lhr} = await lighthouse(address, how, undefined, page);
		const failed = Object.values(lhr.audits).filter(({score}) => score !== null && score < 1);
		found[address] = {
			scores: Object.fromEntries(Object.values(lhr.categories).map(({id, score}) => [id, score])),
			failed: failed.map(({id, title}) => `${id}: ${title}`),
			title: await page.title(),
			trouble: lhr.runtimeError?.message,
		};
	}
} finally {
	await browser.close();
}

console.log(JSON.stringify(found));
