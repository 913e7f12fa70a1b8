// @vitest-environment jsdom
import { getCountries, getExampleNumber } from "libphonenumber-js/max/es6";
import examples from "libphonenumber-js/mobile/examples";
import { describe, expect, it } from "vitest";
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
