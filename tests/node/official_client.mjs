/*
Walks Pipedrive's own Node client through everything the connector relies on, against the server named by
PIPEDRIVE_URL. CLIENT_ID, CLIENT_SECRET and REDIRECT_URI are the app's, API_TOKEN is a personal token, ACTIVITY_IDS
(optional) is a comma list of activities to read back. Prints one line of JSON; exits 1 and says why on any mismatch.
*/
import assert from 'node:assert/strict';
import {once} from 'node:events';
import {createServer} from 'node:http';
import process from 'node:process';
import {setTimeout as sleep} from 'node:timers/promises';
import v1 from 'pipedrive/v1';
import v2 from 'pipedrive/v2';
import {allow} from './browser.mjs';

const {PIPEDRIVE_URL: host, CLIENT_ID: clientId, CLIENT_SECRET: clientSecret, REDIRECT_URI: redirectUri} = process.env;
const summary = {};
let doing = 'start';

async function install() {
	const app = {clientId, clientSecret, redirectUri, host};
	const oauth = new v2.OAuth2Configuration(app);
	const code = await allow(`${oauth.authorizationUrl}&state=of+our+own`, redirectUri, 'of our own');
	const token = await oauth.authorize(code);
	assert.ok(token.expires_in > 3000 && token.expires_in <= 3600, `expires_in ${token.expires_in}`);
	assert.equal(oauth.basePath, `${token.api_domain}/api/v2`);
	const renewed = await oauth.tokenRefresh();
	assert.equal(renewed.refresh_token, token.refresh_token, 'a refresh keeps the refresh token');
	assert.notEqual(renewed.access_token, token.access_token);
	const old = new v1.OAuth2Configuration(app);
	old.updateToken(renewed);
	summary.scope = renewed.scope;
	return [oauth, old].map(({getAccessToken, basePath}) => ({accessToken: getAccessToken, basePath}));
}

async function everything(list) {
	const found = [];
	for (let cursor; ;) {
		const page = await list({limit: 2, sort_by: 'id', sort_direction: 'asc', ...cursor && {cursor}});
		assert.ok(page.data.length <= 2, 'more than the limit');
		found.push(...page.data.map(({id}) => id));
		cursor = page.additional_data?.next_cursor;
		if (!cursor) {
			assert.equal(new Set(found).size, found.length, 'the pages repeat a record');
			return found;
		}
	}
}

// Creates three records, reads, pages, changes one and deletes all but the first.
async function live(noun, api, {add, list, get, update, remove, bodies, change}) {
	const made = [];
	for (const body of bodies) {
		doing = `create ${noun}`;
		const {success, data} = await api[add.name]({[add.body]: body});
		assert.equal(success, true);
		for (const [key, value] of Object.entries(body)) {
			if (typeof value !== 'object' && !['due_time', 'duration'].includes(key)) {
				assert.equal(data[key], value, `${key} of a new ${noun}`);
			}
		}

		made.push(data.id);
	}

	doing = `list ${noun}`;
	const all = await everything(query => api[list](query));
	assert.deepEqual(made.filter(id => !all.includes(id)), [], 'missing from the list');
	doing = `update ${noun}`;
	const [first, ...others] = made;
	await api[update.name]({id: first, [update.body]: change});
	const {data} = await api[get]({id: first});
	for (const [key, value] of Object.entries(change)) {
		assert.deepEqual(data[key], value, `${key} of a changed ${noun}`);
	}

	doing = `delete ${noun}`;
	for (const id of others) {
		const gone = await api[remove]({id});
		assert.equal(gone.data.id, id);
	}

	const left = await everything(query => api[list](query));
	assert.deepEqual(others.filter(id => left.includes(id)), [], 'deleted but still listed');
	const deleted = await api[get]({id: others[0]});
	assert.equal(deleted.data.is_deleted, true);
	summary[noun] = all.length;
	return data;
}

async function search(noun, find, term, id) {
	doing = `search ${noun}`;
	const {data} = await find({term, limit: 10});
	assert.ok(data.items.some(({item}) => item.id === id), `${noun} ${id} not found by "${term}"`);
}

function plural(noun) {
	return noun.endsWith('y') ? `${noun.slice(0, -1)}ies` : `${noun}s`;
}

function verbs(noun, patch = `Update${noun}Request`) {
	return {
		add: {name: `add${noun}`, body: `Add${noun}Request`},
		list: `get${plural(noun)}`,
		get: `get${noun}`,
		update: {name: `update${noun}`, body: patch},
		remove: `delete${noun}`,
	};
}

async function records(configuration, user, type) {
	const persons = new v2.PersonsApi(configuration);
	const organizations = new v2.OrganizationsApi(configuration);
	const deals = new v2.DealsApi(configuration);
	const organization = await live('organizations', organizations, {
		...verbs('Organization'),
		bodies: ['Żółta Łódź', 'Second', 'Third'].map(name => ({name: `${name} sp. z o.o.`})),
		change: {name: 'Żółta Łódź S.A.'},
	});
	const phones = [
		{value: '+48 601 000 009', primary: true, label: 'mobile'},
		{value: '12 345 67 09', primary: false, label: 'work'},
	];
	const person = await live('persons', persons, {
		...verbs('Person'),
		bodies: ['Łucja Wójcik', 'Jan Second', 'Anna Third'].map((name, n) => ({
			name,
			org_id: organization.id,
			emails: [{value: `person${n}@example.com`, primary: true, label: 'work'}],
			phones: [{value: `+48 601 000 00${n + 1}`, primary: true, label: 'mobile'}],
		})),
		change: {name: 'Łucja Wójcik-Nowak', phones},
	});
	const deal = await live('deals', deals, {
		...verbs('Deal'),
		bodies: ['Łącznik', 'Second', 'Third'].map(title => ({
			title, person_id: person.id, org_id: organization.id, value: 1200, currency: 'PLN',
		})),
		change: {title: 'Łącznik do centrali', status: 'won'},
	});
	const activity = {type, owner_id: user.id, deal_id: deal.id, org_id: organization.id, done: true, busy: false};
	await live('activities', new v2.ActivitiesApi(configuration), {
		...verbs('Activity', 'AddActivityRequest'), // the client names both bodies alike
		bodies: ['Rozmowa z Łucją', 'Second', 'Third'].map(subject => ({
			...activity,
			subject,
			due_date: '2026-08-22',
			due_time: '13:05',
			duration: '00:04',
			participants: [{person_id: person.id, primary: true}],
			note: '<b>Kolejka:</b> Sprzedaż',
		})),
		change: {subject: 'Rozmowa z Łucją i Janem', note: 'Temat: <i>faktura</i>'},
	});
	await search('organizations', query => organizations.searchOrganization(query), 'Żółta', organization.id);
	await search('persons', query => persons.searchPersons({...query, fields: 'phone'}), '601 000 009', person.id);
	await search('deals', query => deals.searchDeals(query), 'centrali', deal.id);
}

// Registers two webhooks before `work`, expects its events, then takes them down.
async function webhooks(configuration, work) {
	doing = 'create webhooks';
	const heard = [];
	const server = createServer(async (request, response) => {
		let text = '';
		for await (const part of request) text += part;
		response.end();
		if (request.method === 'POST' && text) {
			heard.push({authorization: request.headers.authorization, ...JSON.parse(text)});
		}
	});
	await once(server.listen(0, '127.0.0.1'), 'listening');
	try {
		const api = new v1.WebhooksApi(configuration);
		const made = [];
		for (const object of ['person', 'deal']) {
			const {data} = await api.addWebhook({
				AddWebhookRequest: {
					subscription_url: `http://127.0.0.1:${server.address().port}/${object}`,
					event_action: '*',
					event_object: object,
					name: `official client ${object}`,
					http_auth_user: 'hook',
					http_auth_password: 'secret',
					version: '2.0',
				},
			});
			made.push(data.id);
		}

		await work();
		doing = 'hear webhooks';
		const expected = ['person', 'deal'].flatMap(entity => ['create', 'change', 'delete'].map(action => `${entity} ${action}`));
		const met = () => new Set(heard.map(({meta}) => `${meta.entity} ${meta.action}`));
		for (let left = 100; left > 0 && expected.some(event => !met().has(event)); left--) {
			await sleep(50);
		}

		assert.deepEqual([...met()].sort(), expected.sort());
		const basic = `Basic ${Buffer.from('hook:secret').toString('base64')}`;
		assert.ok(heard.every(({authorization, meta}) => authorization === basic && meta.version === '2.0'));
		doing = 'list and delete webhooks';
		const {data: listed} = await api.getWebhooks();
		assert.ok(made.every(id => listed.some(hook => hook.id === id)), 'a webhook is not listed');
		await Promise.all(made.map(id => api.deleteWebhook({id})));
		const {data: left} = await api.getWebhooks();
		assert.ok(!left.some(hook => made.includes(hook.id)), 'a deleted webhook is still listed');
		summary.events = heard.length;
	} finally {
		server.close();
		server.closeAllConnections();
	}
}

async function main() {
	doing = 'install';
	const [configuration, old] = await install();
	doing = 'users';
	const users = new v1.UsersApi(old);
	const me = await users.getCurrentUser();
	const {data: colleagues} = await users.getUsers();
	assert.ok(colleagues.some(({id}) => id === me.data.id), 'the user is not among the users');
	summary.users = colleagues.length;
	doing = 'activity types, with a personal token';
	const own = new v1.ActivityTypesApi({apiKey: process.env.API_TOKEN, basePath: `${host}/v1`});
	const {data: types} = await own.getActivityTypes();
	const type = types.find(({key_string: key, active_flag: active}) => key === 'call' && active);
	assert.ok(type, 'no active type "call"');
	summary.types = types.length;
	await webhooks(old, () => records(configuration, me.data, type.key_string));
	doing = 'read back';
	const activities = new v2.ActivitiesApi(configuration);
	summary.read = [];
	for (const id of (process.env.ACTIVITY_IDS ?? '').split(',').filter(Boolean)) {
		const {data} = await activities.getActivity({id: Number(id)});
		summary.read.push(data);
	}

	console.log(JSON.stringify(summary));
}

try {
	await main();
} catch (error) {
	const told = error instanceof Error ? error.stack : JSON.stringify(error);
	console.error(`official client: ${doing}: ${told}`);
	process.exitCode = 1;
}
