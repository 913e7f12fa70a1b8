import { beforeEach, expect, test } from "vitest";
import { fakeBrowser } from "wxt/testing/fake-browser";
import { signOf } from "@/lib/badge";
import { wordsOf } from "@/lib/i18n";
import { patternsOf, siteName } from "@/lib/sites";
import type { Pairing } from "@/lib/store";
import { openRecord, tabFor } from "@/lib/tabs";
import type { Call } from "@/lib/wire";
import { aCall } from "./connector";

const ACME = "https://acme.pipedrive.com";
const PAIRING: Pairing = {
	address: "https://connector.example.com",
	token: "t",
	agent: { name: "Anna", login: "anna", centre: "demo" },
	company: "Acme",
	hosts: ["acme.pipedrive.com"],
	revoked: false,
};

let done: string[];

function withTabs(...tabs: object[]): void {
	done = [];
	Object.assign(fakeBrowser.tabs, {
		query: async () => tabs,
		create: async ({ url }: { url: string }) => done.push(`new ${url}`),
		update: async (id: number, { url }: { url?: string }) => done.push(`tab ${id} ${url ?? "as it is"}`),
	});
	Object.assign(fakeBrowser.windows, { update: async (id: number) => done.push(`window ${id}`) });
}

beforeEach(() => fakeBrowser.reset());

test("the tab that shows the record comes forward as it is", async () => {
	withTabs(
		{ id: 1, windowId: 9, url: `${ACME}/person/7/`, lastAccessed: 1 },
		{ id: 2, windowId: 9, url: `${ACME}/deals`, lastAccessed: 5 },
	);
	expect(await openRecord(`${ACME}/person/7`, [])).toBe(true);
	expect(done).toEqual(["tab 1 as it is", "window 9"]);
});

test("else the tab of Pipedrive that was used last goes there", async () => {
	withTabs(
		{ id: 1, windowId: 8, url: `${ACME}/person/77`, lastAccessed: 1 },
		{ id: 2, windowId: 9, url: `${ACME}/deals`, lastAccessed: 5 },
	);
	await openRecord(`${ACME}/person/7`, []);
	expect(done).toEqual([`tab 2 ${ACME}/person/7`, "window 9"]);
});

test("a form that opens over a list is opened, though the list is there", async () => {
	withTabs({ id: 1, windowId: 9, url: `${ACME}/persons/list`, lastAccessed: 1 });
	await openRecord(`${ACME}/persons/list#dialog/person/add`, []);
	expect(done).toEqual([`tab 1 ${ACME}/persons/list#dialog/person/add`, "window 9"]);
});

test("without a tab of that company a new one is opened", async () => {
	withTabs();
	await openRecord(`${ACME}/person/7`, []);
	expect(done).toEqual([`new ${ACME}/person/7`]);
});

test("a link that leads anywhere else is not opened", async () => {
	withTabs();
	for (const link of ["https://evil.example.com/", "javascript:alert(1)", "", "http://acme.pipedrive.com/person/7"]) {
		expect(await openRecord(link, [])).toBe(false);
	}
	expect(done).toEqual([]);
	expect(tabFor(`${ACME}/person/7`, [])).toBeNull();
});

test("scripts are registered only where the browser allows them", () => {
	const sites = [
		{ pattern: "https://*.pipedrive.com/*", detection: false },
		{ pattern: "https://crm.example.com/*", detection: true },
		{ pattern: "https://gone.example.com/*", detection: true },
	];
	expect(patternsOf(sites, new Set(["https://*.pipedrive.com/*", "https://crm.example.com/*"]))).toEqual({
		links: ["https://*.pipedrive.com/*", "https://crm.example.com/*"],
		detection: ["https://crm.example.com/*"],
	});
	expect(["https://crm.example.com/*", "http://crm.example.com/*", "*://*/*"].map(siteName)).toEqual([
		"crm.example.com",
		"http://crm.example.com",
		"*",
	]);
});

test.each([
	[null, "stopped", false, "!", "Not connected yet."],
	[{ ...PAIRING, revoked: true }, "revoked", false, "!", "This browser is no longer connected."],
	[PAIRING, "open", false, "", "Connected as Anna."],
	[PAIRING, "polling", false, "", "Connected as Anna, by the slower way"],
	[PAIRING, "offline", false, "×", "No connection to connector.example.com."],
	[PAIRING, "restarting", false, "…", "The connector restarts."],
	[PAIRING, "too_many", false, "×", "Too many browsers"],
	[PAIRING, "open", true, "–", "Do not disturb is on"],
] as const)("the button says how things stand: %#", (pairing, line, quiet, text, sentence) => {
	const sign = signOf({ pairing, line, quiet, calls: [] }, wordsOf("en"));
	expect([sign.text, sign.sentence.startsWith(sentence)]).toEqual([text, true]);
});

test("a call that goes on shows on the button", () => {
	const calls = [aCall({ state: "in_call" })] as unknown as Call[];
	expect(signOf({ pairing: PAIRING, line: "open", quiet: true, calls }, wordsOf("en")).text).toBe("●");
});
