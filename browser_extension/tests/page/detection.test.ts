// @vitest-environment jsdom
import { getCountries, getExampleNumber } from "libphonenumber-js/max/es6";
import examples from "libphonenumber-js/mobile/examples";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Detector } from "@/lib/detection/detector";
import { findNumbers } from "@/lib/detection/numbers";
import { found, show } from "./samples";

describe("a page full of digits that are no phone numbers", () => {
	it.each(["PL", "GB", "DE", "US", "FR", "CZ", null] as const)("has none for people in %s", (region) => {
		show("not-numbers");
		expect(found(region).map(({ text }) => text)).toEqual([]);
	});
});

describe("a page full of real numbers", () => {
	it("has them all", () => {
		show("numbers");
		const all = found("PL");
		const missed: string[] = [];
		for (const holder of document.querySelectorAll("[data-number]")) {
			const here = all.filter(({ at }) => holder.contains(at)).map(({ number }) => number.replace(/;ext=.*/, ""));
			const meant = holder.getAttribute("data-number") ?? "";
			if (here.join(" ") !== meant) missed.push(`${holder.textContent}: ${here.join(" ") || "nothing"}, not ${meant}`);
		}
		expect(missed).toEqual([]);
		expect(document.querySelectorAll("[data-number]").length).toBeGreaterThan(80);
	});
});

describe("a number in a text", () => {
	it("carries its extension", () => {
		expect(findNumbers("tel. 22 345 67 89 wew. 12, pokój 4", "", "PL")).toEqual([
			{ start: 5, end: 25, number: "+48223456789;ext=12" },
		]);
	});

	it("is national only where a country is known", () => {
		expect(findNumbers("601 000 001", "", null)).toEqual([]);
		expect(findNumbers("020 7946 0000", "", "GB")[0]?.number).toBe("+442079460000");
		expect(findNumbers("07400 123456", "", "GB")[0]?.number).toBe("+447400123456");
		expect(findNumbers("(212) 555-0123", "", "US")[0]?.number).toBe("+12125550123");
		expect(findNumbers("01 42 68 53 00", "", "FR")[0]?.number).toBe("+33142685300");
	});

	it.each([
		["GB", "Tel 020 7946 0958 m 07400 123456", "+442079460958 +447400123456"],
		["US", "Office 212-456-7890 m: 917-456-0100", "+12124567890 +19174560100"],
		["US", "212-456-7890 M-F 9-5", "+12124567890"],
		["US", "Orders: 212-456-7890", "+12124567890"],
		["US", "1-212-456-7890", "+12124567890"],
		["US", "1 (800) 356-9377", "+18003569377"],
		["CA", "1-416-967-1111", "+14169671111"],
	] as const)("is one as people in %s write it: %s", (region, text, numbers) => {
		expect(
			findNumbers(text, "", region)
				.map(({ number }) => number)
				.join(" "),
		).toBe(numbers);
	});

	it("is found as every country writes it internationally, and behind a word as it writes it nationally", () => {
		const missed = getCountries().filter((country) => {
			const phone = getExampleNumber(country, examples);
			if (!phone || phone.nationalNumber.length < 7) return false;
			const texts = [`Anna ${phone.formatInternational()}, Example`, `tel. ${phone.formatNational()}`];
			return texts.some((text) => findNumbers(text, "", country)[0]?.number !== phone.number);
		});
		expect(missed).toEqual([]);
	});

	it("is not held up by very long digits and separators", () => {
		for (const part of ["1", "1 ", "(1) ", "1\ue000", "+1", "1.", "tel ", "1-", " ", "\ue000"]) {
			expect(findNumbers(part.repeat(30_000), "", "PL")).toEqual([]);
		}
	});
});

describe("a page that changes", () => {
	const NUMBERS = 2_000;
	const CHANGES = 100;
	/** What the detector asked the browser to do when it has nothing else to do. */
	let due: IdleRequestCallback[] = [];
	let detector: Detector;

	beforeEach(() => {
		vi.stubGlobal("Highlight", Set);
		vi.stubGlobal("CSS", { highlights: new Map() });
		vi.stubGlobal("requestIdleCallback", (work: IdleRequestCallback) => due.push(work));
		vi.stubGlobal("cancelIdleCallback", () => undefined);
		const row = "<tr><td><div><span>+48 601 000 001</span></div></td><td class=state><b>new</b></td></tr>";
		document.body.innerHTML = `<table>${row.repeat(NUMBERS)}</table>`;
		due = [];
		detector = new Detector("PL");
		detector.start(document.body);
	});

	afterEach(() => {
		detector.stop();
		vi.restoreAllMocks();
		vi.unstubAllGlobals();
	});

	/** Let the detector work, without time to spare, until it is done. */
	async function settled(afterTurn = () => {}): Promise<void> {
		await Promise.resolve();
		for (let work = due.shift(); work; work = due.shift()) {
			work({ didTimeout: false, timeRemaining: () => 0 });
			afterTurn();
		}
	}

	const states = () => [...document.querySelectorAll(".state b")].slice(0, CHANGES);
	const change = () => {
		for (const state of states()) (state.firstChild as Text).data = "seen";
	};

	it("is looked at a little at a time", async () => {
		await settled();
		change();
		const read = vi.spyOn(Node.prototype, "firstChild", "get");
		const blocks: number[] = [];
		await settled(() => {
			blocks.push(read.mock.calls.length);
			read.mockClear();
		});
		expect(Math.max(...blocks)).toBeLessThanOrEqual(20);
	});

	it("has its other numbers left alone", async () => {
		await settled();
		expect(detector.marks.count).toBe(NUMBERS);
		change();
		const asked = vi.spyOn(Node.prototype, "isConnected", "get");
		await settled();
		expect(asked.mock.calls.length).toBeLessThan(NUMBERS + 10 * CHANGES);
		expect(detector.marks.count).toBe(NUMBERS);
	});

	it("loses the numbers that change, move to other places or go, and those only", async () => {
		await settled();
		const [first, second, third, fourth] = document.querySelectorAll("tr");
		const text = (row: Element | undefined) => row?.querySelector("span")?.firstChild as Text;
		text(first).data = "none";
		second?.remove();
		third?.querySelector("div")?.append(fourth?.querySelector("span") as Element);
		await settled();
		expect(detector.marks.count).toBe(NUMBERS - 2);
		// Taken out, changed there and put back: nobody sees such a change but who looks at all of it.
		const table = document.querySelector("table") as Element;
		table.remove();
		await settled();
		expect(detector.marks.count).toBe(0);
		text(third).data = "+48 601 000 002";
		document.body.append(table);
		await settled();
		expect(detector.marks.count).toBe(NUMBERS - 2);
		table.remove();
		await Promise.resolve();
		text(third).data = "none";
		document.body.append(table);
		await settled();
		expect(detector.marks.count).toBe(NUMBERS - 3);
	});
});
