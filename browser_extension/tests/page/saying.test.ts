import { beforeEach, describe, expect, it, vi } from "vitest";
import { browser } from "wxt/browser";
import { fakeBrowser } from "wxt/testing/fake-browser";
import type { DialAnswer } from "@/lib/orders";
import { type Saying, sayAsItGoes } from "@/lib/saying";

/** What was shown: in which frame, and what. */
let shown: [number, string, boolean][] = [];
/** Frames in which a script listens. */
let listening = new Set([0]);

beforeEach(() => {
	fakeBrowser.reset();
	shown = [];
	listening = new Set([0]);
	vi.spyOn(browser.tabs, "sendMessage").mockImplementation((async (
		_: number,
		saying: Saying,
		{ frameId }: { frameId: number },
	) => {
		if (!listening.has(frameId)) throw new Error("Could not establish connection. Receiving end does not exist.");
		shown.push([frameId, saying.text, saying.bad]);
	}) as unknown as typeof browser.tabs.sendMessage);
	vi.spyOn(browser.i18n, "getUILanguage").mockReturnValue("en-GB");
});

const say = (answer: DialAnswer | Promise<DialAnswer>, frame = 0, number = "+48601000001;ext=12") =>
	sayAsItGoes({ tab: 7, frame }, number, Promise.resolve(answer));

describe("what a page is told", () => {
	it("is one sentence when the answer comes at once", async () => {
		await say({ ok: true, state: "dialling" });
		expect(shown).toEqual([[0, "Calling +48601000001. Your phone is about to ring.", false]]);
	});

	it("begins before the answer where that takes its time", async () => {
		vi.useFakeTimers();
		let answer: (answer: DialAnswer) => void = () => {};
		const told = say(new Promise<DialAnswer>((resolve) => (answer = resolve)));
		await vi.advanceTimersByTimeAsync(200);
		expect(shown).toEqual([[0, "Calling +48601000001", false]]);
		answer({ ok: true, state: "ringing_you" });
		await told;
		vi.useRealTimers();
		expect(shown.at(-1)?.[1]).toContain("Pick up your phone");
	});

	it("is why nobody is called", async () => {
		await say({ ok: false, reason: "too_often" });
		expect(shown).toEqual([
			[0, "Not called: +48601000001. Too many calls in a short time. Wait a minute and call again.", true],
		]);
	});

	it("is nothing while a window asks", async () => {
		await say({ ok: true, state: "asking" });
		expect(shown).toEqual([]);
	});

	it("is said in the frame where the page around it takes no words", async () => {
		listening = new Set([5]);
		await say({ ok: true, state: "dialling" }, 5);
		expect(shown.map(([frame]) => frame)).toEqual([5]);
	});

	it("is left to the notification where no script listens", async () => {
		listening = new Set();
		await say({ ok: true, state: "dialling" }, 5);
		await sayAsItGoes({ tab: undefined, frame: undefined }, "112", Promise.resolve({ ok: false, reason: "unknown" }));
		expect(shown).toEqual([]);
	});
});
