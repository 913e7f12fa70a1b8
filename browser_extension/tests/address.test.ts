import { expect, test } from "vitest";
import { isPipedrive, originOf, patternOf, readAddress, readSite } from "@/lib/address";

test.each([
	["https://connector.example.com", "https://connector.example.com"],
	["  connector.example.com/ ", "https://connector.example.com"],
	["https://connector.example.com:8443/settings?a=1", "https://connector.example.com:8443"],
	["http://localhost:8080", "http://localhost:8080"],
	["http://127.0.0.1:8080/", "http://127.0.0.1:8080"],
	["http://connector.example.com", null],
	["https://anna:secret@connector.example.com", null],
	["javascript:alert(1)", null],
	["ftp://connector.example.com", null],
	["", null],
])("the address %j is read as %j", (typed, read) => {
	expect(readAddress(typed)).toBe(read);
});

test.each([
	["crm.example.com", "https://crm.example.com/*"],
	["*.example.com", "https://*.example.com/*"],
	["HTTPS://CRM.Example.com/leads/7", "https://crm.example.com/*"],
	["http://crm.example.com:8080/", "http://crm.example.com/*"],
	["*://crm.example.com/*", "*://crm.example.com/*"],
	["localhost:3000", "https://localhost/*"],
	["*", null],
	["com", null],
	["crm example", null],
	["https://*/*", null],
	["anna@example.com", null],
	["", null],
])("the site %j is read as %j", (typed, read) => {
	expect(readSite(typed)).toBe(read);
});

test("browsers know no ports in patterns", () => {
	expect(patternOf("http://127.0.0.1:8080")).toBe("http://127.0.0.1/*");
});

test("a page without an origin of its own is nobody's", () => {
	expect(originOf("https://crm.example.com/a?b")).toBe("https://crm.example.com");
	for (const none of ["about:blank", "data:text/html,x", "file:///tmp/x", "", undefined])
		expect(originOf(none)).toBe("null");
});

test("Pipedrive is its own hosts over https, and those that the connector named", () => {
	expect(isPipedrive("https://acme.pipedrive.com", [])).toBe(true);
	expect(isPipedrive("http://127.0.0.1:9000", ["127.0.0.1:9000"])).toBe(true);
	expect(isPipedrive("http://127.0.0.1:9001", ["127.0.0.1:9000"])).toBe(false);
	expect(isPipedrive("http://acme.pipedrive.com", [])).toBe(false);
	expect(isPipedrive("http://acme.pipedrive.com", ["acme.pipedrive.com"])).toBe(false);
	expect(isPipedrive("https://pipedrive.com.example.com", [])).toBe(false);
	expect(isPipedrive("https://evilpipedrive.com", [])).toBe(false);
	expect(isPipedrive("null", [])).toBe(false);
});
