// The person at the browser.
import assert from 'node:assert/strict';

// Opens the consent page, presses Allow as its form says, and gives the code that comes back to `redirectUri`.
export async function allow(address, redirectUri, state) {
	const page = await fetch(address);
	const html = await page.text();
	assert.equal(page.status, 200, `consent page: ${page.status} ${html.slice(0, 200)}`);
	const read = (tag, name) => tag.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1].replaceAll('&amp;', '&');
	const forms = [...html.matchAll(/<form\b[^>]*>.*?<\/form>/gis)].map(([form]) => form);
	const form = forms.find(form => /<button\b[^>]*value="allow"/i.test(form));
	assert.ok(form, 'the consent page has no form with an Allow button');
	const fields = new URLSearchParams();
	for (const [tag] of form.matchAll(/<input\b[^>]*>/gi)) {
		const chosen = !['radio', 'checkbox', 'submit'].includes(read(tag, 'type')) || /\bchecked\b/.test(tag);
		if (chosen && read(tag, 'name')) {
			fields.append(read(tag, 'name'), read(tag, 'value') ?? '');
		}
	}

	for (const [, name, options] of form.matchAll(/<select\b[^>]*\bname="([^"]*)"[^>]*>(.*?)<\/select>/gis)) {
		const option = options.match(/<option\b[^>]*\bselected\b[^>]*>/i) ?? options.match(/<option\b[^>]*>/i);
		fields.append(name, read(option[0], 'value'));
	}

	const button = [...form.matchAll(/<button\b[^>]*>/gi)].map(([tag]) => tag).find(tag => /value="allow"/i.test(tag));
	fields.append(read(button, 'name'), read(button, 'value'));
	const target = new URL(read(form.match(/<form\b[^>]*>/i)[0], 'action') ?? '', page.url);
	const answer = await fetch(target, {method: 'POST', body: fields, redirect: 'manual'});
	const back = new URL(answer.headers.get('location') ?? assert.fail(`consent: ${answer.status}, no location`));
	assert.ok(back.href.startsWith(redirectUri), `sent to ${back.href}`);
	assert.equal(back.searchParams.get('state'), state);
	return back.searchParams.get('code');
}
