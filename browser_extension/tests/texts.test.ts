import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { spoken, wordsOf } from "@/lib/i18n";
import { en } from "@/lib/texts/en";
import { pl } from "@/lib/texts/pl";

const placeholders = (text: string) => (text.match(/\{\w+\}|%s/g) ?? []).sort();
const source = (folder: string): string =>
	readdirSync(folder, { recursive: true, encoding: "utf8" })
		.filter((name) => name.endsWith(".ts") && !name.includes("texts/"))
		.map((name) => readFileSync(`${folder}/${name}`, "utf8"))
		.join("\n");

test("every text has its Polish, with the same values in it", () => {
	expect(Object.keys(pl).sort()).toEqual(Object.keys(en).sort());
	for (const [key, text] of Object.entries(en)) {
		expect([key, placeholders(pl[key as keyof typeof en])]).toEqual([key, placeholders(text)]);
	}
});

test("no single letter stands at the end of a Polish line", () => {
	const stranded = Object.values(pl).filter((text) => /(^|[\s„(])[wziaou] /i.test(text));
	expect(stranded).toEqual([]);
});

test("the words of the browser's own list are there in both languages", () => {
	const read = (tongue: string) =>
		JSON.parse(readFileSync(`public/_locales/${tongue}/messages.json`, "utf8")) as Record<string, { message: string }>;
	expect(Object.keys(read("pl"))).toEqual(Object.keys(read("en")));
	expect(Object.values(read("pl")).filter(({ message }) => /(^| )[wziaou] /i.test(message))).toEqual([]);
	for (const { message } of Object.values(read("en"))) expect(message.length).toBeLessThanOrEqual(132);
});

test("no text is left over", () => {
	const code = source("lib") + source("entrypoints");
	const built = /^(state_|line_|pair_)/;
	expect(Object.keys(en).filter((key) => !built.test(key) && !code.includes(`"${key}"`))).toEqual([]);
});

test("the language is the browser's unless one is chosen", () => {
	expect(spoken("auto", "pl-PL")).toBe("pl");
	expect(spoken("auto", "de")).toBe("en");
	expect(spoken("en", "pl")).toBe("en");
});

test.each([
	["pl", 2, "Ten numer ma 2 rekordy:"],
	["pl", 5, "Ten numer ma 5 rekordów:"],
	["pl", 22, "Ten numer ma 22 rekordy:"],
	["pl", 112, "Ten numer ma 112 rekordów:"],
	["en", 1, "1 person has this number:"],
	["en", 2, "2 people have this number:"],
] as const)("what is counted stands in its form: %s %i", (tongue, count, text) => {
	expect(wordsOf(tongue)("several", { count })).toBe(text);
});

test("values stand in their places, and stay as they are", () => {
	expect(wordsOf("en")("call_from", { who: "{number} & <b>" })).toBe("Call from {number} & <b>");
});
