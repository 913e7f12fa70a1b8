import { describe, expect, it } from "vitest";
import { regionOf } from "@/lib/detection/region";

describe("whose national numbers a page means", () => {
	it.each([
		["pl-PL", "example.com", ["en-GB"], "PL"],
		["de_AT", "example.de", [], "AT"],
		["en", "example.co.uk", ["pl"], "GB"],
		["", "example.pl", ["en-US"], "PL"],
		["pl", "example.com", ["en-US"], "PL"],
		["pl", "acme.pipedrive.com", ["pl-PL", "en"], "PL"],
		["en", "acme.pipedrive.com", ["pl", "en-US"], "US"],
		["", "example.io", ["pl"], "PL"],
		["", "example.com", ["cs"], "CZ"],
		["", "127.0.0.1", ["en"], null],
		["", "", [], null],
		["zz-ZZ", "example.zz", ["not a language"], null],
	] as const)("in language %j at %s for %j is %s", (language, host, own, region) => {
		expect(regionOf(language, host, own)).toBe(region);
	});
});
