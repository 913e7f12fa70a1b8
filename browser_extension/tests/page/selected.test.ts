import { describe, expect, it } from "vitest";
import { numberFromSelection } from "@/lib/selected";

describe("a selected text", () => {
	it.each([
		["601 000 001", "601000001"],
		["+48 601-000-001", "+48601000001"],
		["Tel.: 601 000 001", "601000001"],
		["tel. (22) 345 67 89 wew. 5, pn–pt", "223456789;ext=5"],
		["Call us: +44 20 7946 0000!", "+442079460000"],
		["  \n601 000 001\n", "601000001"],
		["601 000 001 or 601-000-001", "601000001"],
		["1-800-FLOWERS", "18003569377"],
		["tel:+48601000001", "+48601000001"],
		["112", "112"],
		["601 000 001 (Work)", "601000001"],
		["+49 30 901820 (Work)", "+4930901820"],
		["+49 30 901820 Mo-Fr", "+4930901820"],
		["22/345 67 89", "223456789"],
	])("%j holds the number %s", (text, number) => {
		expect(numberFromSelection(text)).toEqual({ number });
	});

	it.each([
		"",
		"  ",
		"Anna",
		"room 12",
		"10:30",
		"4.50 zł",
		"anna@example.com",
		"500 groszy",
		"61 1090 1014 0000 0712 1981 2874",
	])("%j holds none", (text) => {
		expect(numberFromSelection(text)).toBe("none");
	});

	it.each([
		"601 000 001, 601 000 002",
		"601 000 001 / 602 000 002",
		"601000001; 601000002",
		"T: 601 000 001\nF: 22 345 67 89",
	])("%j holds several", (text) => {
		expect(numberFromSelection(text)).toBe("several");
	});
});
