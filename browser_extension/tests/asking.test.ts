import { beforeEach, expect, test, vi } from "vitest";
import { fakeBrowser } from "wxt/testing/fake-browser";
import { answered, ask, forgetOutside, mayDial, questionOf } from "@/lib/asking";
import type { DialOrder } from "@/lib/orders";
import { asking, confirmed } from "@/lib/store";

const SITE = "https://crm.example.com";
const ORDER: DialOrder = { type: "dial", number: "+48601000001", record: null, source: "link" };

let windows: string[];

beforeEach(() => {
	fakeBrowser.reset();
	vi.useRealTimers();
	windows = [];
	Object.assign(fakeBrowser.windows, {
		create: async ({ url }: { url: string }) => ({ id: windows.push(url) }),
		update: async (id: number) => {
			if (!windows[id - 1]) throw new Error("no such window");
			return { id };
		},
	});
});

async function only(): Promise<string> {
	const [question, ...others] = await asking.getValue();
	expect(others).toEqual([]);
	return question?.id ?? "";
}

test("a yes lets the order go and is remembered for that site alone", async () => {
	await ask(ORDER, SITE, "crm.example.com");

	expect(await answered(await only(), true)).toEqual(ORDER);
	expect(await mayDial(SITE)).toBe(true);
	expect(await mayDial("https://other.example.com")).toBe(false);
	expect(await asking.getValue()).toEqual([]);
});

test("a site that somebody removed asks again when it comes back", async () => {
	await confirmed.setValue([
		SITE,
		"https://crm.example.com:8443",
		"https://sub.example.com",
		"http://other.example.com",
	]);

	await forgetOutside(["https://crm.example.com/*", "https://*.example.com/*"]);
	expect(await confirmed.getValue()).toEqual([SITE, "https://crm.example.com:8443", "https://sub.example.com"]);

	await forgetOutside(["*://*/*"]);
	expect(await mayDial(SITE)).toBe(true);

	await forgetOutside(["https://*.pipedrive.com/*"]);
	expect(await mayDial(SITE)).toBe(false);
});

test("a no lets nothing go and is not held against the site", async () => {
	await ask(ORDER, SITE, "crm.example.com");

	expect(await answered(await only(), false)).toBeNull();
	expect(await mayDial(SITE)).toBe(false);
});

test("a question is answered once", async () => {
	await ask(ORDER, SITE, "crm.example.com");
	const id = await only();
	await answered(id, true);

	expect(await answered(id, true)).toBeNull();
	expect(await confirmed.getValue()).toEqual([SITE]);
});

test("an answer that comes too late calls nobody", async () => {
	vi.useFakeTimers({ toFake: ["Date"] });
	await ask(ORDER, SITE, "crm.example.com");
	const id = await only();
	vi.setSystemTime(Date.now() + 3 * 60_000);

	expect(await questionOf(id)).toBeNull();
	expect(await answered(id, true)).toBeNull();
	expect(await mayDial(SITE)).toBe(false);
});

test("a second click on the number brings the window forward that is there", async () => {
	await ask(ORDER, SITE, "crm.example.com");
	await ask(ORDER, SITE, "crm.example.com");
	expect(windows).toHaveLength(1);
	windows[0] = "";
	await ask(ORDER, SITE, "crm.example.com");
	expect(windows).toHaveLength(2);
	await only();
});

test("a page without an origin of its own is asked for each time", async () => {
	await ask(ORDER, "null", "crm.example.com");

	expect(await answered(await only(), true)).toEqual(ORDER);
	expect(await mayDial("null")).toBe(false);
	expect(await confirmed.getValue()).toEqual([]);
});
