import { describe, expect, it } from "vitest";
import { numberFromHref, numberFromText } from "@/lib/href";

const NBSP = "\u00a0";

describe("numbers in links", () => {
	it.each([
		// As most pages write them
		["tel:+48601000001", "+48601000001"],
		["tel:601000001", "601000001"],
		["tel:+48 601 000 001", "+48601000001"],
		["tel:+48-601-000-001", "+48601000001"],
		["tel:(22) 345-67-89", "223456789"],
		["tel:22/345.67.89", "223456789"],
		["tel:0048601000001", "0048601000001"],
		["callto:+48601000001", "+48601000001"],
		["callto:601000001", "601000001"],
		["tel:112", "112"],
		["tel:*100#", "*100#"],
		// Schemes and slashes
		["TEL:+48601000001", "+48601000001"],
		["CallTo:+48601000001", "+48601000001"],
		["tel://+48601000001", "+48601000001"],
		["callto://+48601000001/", "+48601000001"],
		["callto:tel:+48601000001", "+48601000001"],
		["  tel:+48601000001\n", "+48601000001"],
		["t\nel:+4860\t1000001", "+48601000001"],
		// Percent-encoding
		["tel:%2B48601000001", "+48601000001"],
		["tel:+48%20601%20000%20001", "+48601000001"],
		["tel:%2B48%C2%A0601%C2%A0000%C2%A0001", "+48601000001"],
		["tel:%2b48601000001%3Bext%3D12", "+48601000001;ext=12"],
		["tel:%2B48%601000001%E9", null],
		["tel:%2B48 601000001%", null],
		// Extensions and what is dialled after the answer
		["tel:+48223456789;ext=12", "+48223456789;ext=12"],
		["tel:+48223456789;EXT=1-2", "+48223456789;ext=12"],
		["tel:+48223456789;isub=99;ext=12", "+48223456789;ext=12"],
		["tel:+48223456789;isub=99", "+48223456789"],
		["tel:+48223456789;ext=", "+48223456789"],
		["tel:+48223456789,12", "+48223456789;ext=12"],
		["tel:+48223456789,,,12#", "+48223456789;ext=12"],
		["tel:+48223456789;12", "+48223456789;ext=12"],
		["tel:+48601000001,", "+48601000001"],
		["tel:+48601000001;", "+48601000001"],
		["tel:+48 22 345 67 89 wew. 12", "+48223456789;ext=12"],
		["tel:+48 22 345 67 89 w. 12", "+48223456789;ext=12"],
		["tel:+1 212 555 0123 ext. 4", "+12125550123;ext=4"],
		["tel:+1 212 555 0123 x4", "+12125550123;ext=4"],
		["tel:+1 212 555 0123 #4", "+12125550123;ext=4"],
		// Contexts
		["tel:7042;phone-context=+1-914-555", "+19145557042"],
		["tel:601000001;phone-context=+48", "+48601000001"],
		["tel:+48601000001;phone-context=+1", "+48601000001"],
		["tel:601000001;phone-context=example.com", "601000001"],
		["tel:345;ext=9;phone-context=+4822", "+4822345;ext=9"],
		["tel:601000001;phone-context=", "601000001"],
		// A national zero in brackets
		["tel:+44 (0)20 7946 0000", "+442079460000"],
		["tel:+48(0)601000001", "+48601000001"],
		["tel:(0)22 345 67 89", "0223456789"],
		// Letters as on the keys
		["tel:1-800-FLOWERS", "18003569377"],
		["tel:+1800flowers", "+18003569377"],
		["tel:801-800-ABC", "801800222"],
		["tel:+44 800 123 TAXI", "+448001238294"],
		["tel:FLOWERS", null],
		// Words behind a number are words
		["tel:+49 30 901820 (Work)", "+4930901820"],
		["tel:+43 1 234567 (Work)", "+431234567"],
		["tel:601 000 001 (kom.)", "601000001"],
		["tel:+49 30 901820 Mo-Fr", "+4930901820"],
		["tel:+1 212 555 0123 office", "+12125550123"],
		// Digits, dashes and spaces of other scripts, and what is invisible
		["tel:\u0664\u0668\u0660\u0661", "4801"],
		["tel:+\u0967\u0968\u0969\u0966\u0966", "+12300"],
		["tel:\uff0b\uff14\uff18\uff16\uff10\uff11\uff10\uff10\uff10\uff10\uff10\uff11", "+48601000001"],
		["tel:+48\u2011601\u2013000\u2212001", "+48601000001"],
		[`tel:+48${NBSP}601${NBSP}000\u2009001`, "+48601000001"],
		["tel:\u202a+48601000001\u202c", "+48601000001"],
		["tel:+48\u200b601\u00ad000\ufeff001", "+48601000001"],
		// Names of Skype and NetMeeting
		["callto:jan.kowalski", null],
		["callto:live:jan_1", null],
		["callto:echo123", null],
		["callto:echo123?call", null],
		["callto:10.0.0.1/jan", null],
		["callto:10.0.0.1", null],
		["callto:+48601000001?call", "+48601000001"],
		["callto:0121555678+type=phone", "0121555678"],
		["callto:jan@example.com", null],
		// Nothing in it
		["tel:", null],
		["tel:%20", null],
		["tel:+", null],
		["tel:;ext=12", null],
		["tel:,,12", null],
		["tel:()-", null],
		["tel:undefined", null],
		["tel:null", null],
		["tel:javascript:alert(1)", null],
		// Other links
		["telnet:127.0.0.1", null],
		["sms:+48601000001", null],
		["mailto:tel@example.com", null],
		["https://example.com/tel:+48601000001", null],
		["#tel:601000001", null],
		["javascript:tel:601000001", null],
		["", null],
	])("in %j is %j", (href, number) => {
		expect(numberFromHref(href)).toBe(number);
	});

	it("reads what a person selected in the same way", () => {
		expect(numberFromText("601 000 001")).toBe("601000001");
		expect(numberFromText(" (22) 345 67 89 wew. 5 ")).toBe("223456789;ext=5");
		expect(numberFromText("call me")).toBeNull();
	});

	it.each(["(0)", "+1", "1 ", ",1", ";ext=1", "%20", "x1", "((", "1a", "\u0664"])(
		"is not held up by a very long %j",
		(part) => {
			expect(["string", "object"]).toContain(typeof numberFromHref(`tel:${part.repeat(20_000)}`));
		},
	);
});
