// @vitest-environment jsdom
import { beforeEach, expect, test } from "vitest";
import { fakeBrowser } from "wxt/testing/fake-browser";
import { sites } from "@/entrypoints/options/sites";
import { wordsOf } from "@/lib/i18n";
import { tellOpenTabs } from "@/lib/sites";
import * as store from "@/lib/store";

const CRM = "https://crm.example.com/*";
const CONNECTOR = "https://connector.example.com/*";

/** What the browser allows. */
let allowed: Set<string>;

beforeEach(() => {
	fakeBrowser.reset();
	allowed = new Set([store.PIPEDRIVE]);
	Object.assign(fakeBrowser.permissions, {
		contains: async ({ origins: [origin] }: { origins: string[] }) => allowed.has(origin ?? ""),
		request: async ({ origins: [origin] }: { origins: string[] }) => Boolean(allowed.add(origin ?? "")),
		remove: async ({ origins: [origin] }: { origins: string[] }) => allowed.delete(origin ?? ""),
	});
	Object.assign(fakeBrowser.storage, { managed: { get: async () => ({}) } });
	Object.assign(fakeBrowser.runtime, { sendMessage: async () => undefined });
});

/** Show the list with these sites, and press a button by its label. */
async function press(label: string, ...wanted: store.Site[]): Promise<void> {
	await store.sites.setValue([{ pattern: store.PIPEDRIVE, detection: false }, ...wanted]);
	const part = sites(wordsOf("en"));
	await part.refresh();
	const button = part.element.querySelector<HTMLButtonElement>(`[aria-label="${label}"]`);
	expect(button).not.toBeNull();
	button?.click();
	await new Promise((resolve) => setTimeout(resolve, 10));
}

async function paired(): Promise<void> {
	await store.pairing.setValue({
		address: "https://connector.example.com",
		token: "t",
		agent: { name: "Anna", login: "anna", centre: "demo" },
		company: "Acme",
		hosts: [],
		revoked: false,
	});
}

test.each([store.ALL_SITES, "https://*.example.com/*"])(
	"who removes %s takes the permission back, though the connector is there",
	async (pattern) => {
		await paired();
		allowed.add(pattern).add(CONNECTOR);
		const name = pattern === store.ALL_SITES ? wordsOf("en")("site_all") : "*.example.com";
		await press(wordsOf("en")("remove_site", { site: name }), { pattern, detection: false });

		expect([...allowed]).toEqual([store.PIPEDRIVE, CONNECTOR]);
	},
);

test("the connector stays reachable when its own site is removed", async () => {
	await paired();
	allowed.add(CONNECTOR);
	await press("Remove connector.example.com", { pattern: CONNECTOR, detection: false });

	expect([...allowed]).toEqual([store.PIPEDRIVE, CONNECTOR]);
	expect((await store.sites.getValue()).map((site) => site.pattern)).toEqual([store.PIPEDRIVE]);
});

test("a site that the browser allows no more can be removed", async () => {
	await press("Remove crm.example.com", { pattern: CRM, detection: true });

	expect((await store.sites.getValue()).map((site) => site.pattern)).toEqual([store.PIPEDRIVE]);
});

test("a site that is allowed again is as it was", async () => {
	await press("Allow crm.example.com", { pattern: CRM, detection: true });

	expect(await store.sites.getValue()).toContainEqual({ pattern: CRM, detection: true });
});

test("switching detection off leaves tabs alone where another site has it on", async () => {
	const tabs = { 1: "https://crm.example.com/deals", 2: "https://other.example.net/", 3: "https://shop.example.org/" };
	const told: number[] = [];
	Object.assign(fakeBrowser.tabs, {
		query: async ({ url }: { url: string | string[] }) =>
			Object.entries(tabs)
				.filter(([, open]) => [url].flat().some((one) => one === store.ALL_SITES || open.startsWith(one.slice(0, -1))))
				.map(([id]) => ({ id: Number(id) })),
		sendMessage: async (id: number) => told.push(id),
	});
	allowed.add(CRM).add(store.ALL_SITES).add("https://shop.example.org/*");
	await store.sites.setValue([
		{ pattern: store.ALL_SITES, detection: false },
		{ pattern: CRM, detection: true },
		{ pattern: "https://other.example.net/*", detection: true },
		{ pattern: "https://shop.example.org/*", detection: false },
	]);

	await tellOpenTabs(store.ALL_SITES, false);
	expect(told).toEqual([2, 3]);
	told.length = 0;
	await tellOpenTabs(CRM, false);
	expect(told).toEqual([1]);
});
