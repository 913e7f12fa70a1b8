// @vitest-environment jsdom
import { beforeEach, expect, test } from "vitest";
import { fakeBrowser } from "wxt/testing/fake-browser";
import { connection } from "@/entrypoints/options/connection";
import { sites } from "@/entrypoints/options/sites";
import { wordsOf } from "@/lib/i18n";
import { managedAddress, managedSites } from "@/lib/managed";

const words = wordsOf("en");

function preset(policy: unknown): void {
	Object.assign(fakeBrowser.storage, { managed: { get: async () => policy } });
}

beforeEach(() => {
	fakeBrowser.reset();
	Object.assign(fakeBrowser.permissions, { contains: async () => false });
});

test("an address that an administrator preset stands in its field and cannot be changed", async () => {
	preset({ address: "connector.example.com/" });
	const part = connection(words);
	await part.refresh();
	const field = part.element.querySelector("input");

	expect([field?.value, field?.readOnly]).toEqual(["https://connector.example.com", true]);
	expect(part.element.textContent).toContain(words("address_managed"));
});

test("without a policy the person types it", async () => {
	Object.assign(fakeBrowser.storage, { managed: { get: async () => Promise.reject(new Error("no policy")) } });
	const part = connection(words);
	await part.refresh();

	expect(part.element.querySelector("input")?.readOnly).toBe(false);
	expect(await managedSites()).toEqual([]);
});

test("sites that an administrator proposes are offered, and allowed only by the person", async () => {
	preset({ sites: ["https://crm.example.com/*", "not a site", 7] });
	const part = sites(words);
	await part.refresh();

	expect(part.element.querySelector('[aria-label="Allow crm.example.com"]')).not.toBeNull();
	expect(part.element.textContent).toContain(words("proposed"));
});

test.each([{ address: "http://connector.example.com" }, { address: 7 }, { address: "" }, {}])(
	"%j presets no address",
	async (policy) => {
		preset(policy);
		expect(await managedAddress()).toBe("");
	},
);
