import { expect, test } from "vitest";
import { wordsOf } from "@/lib/i18n";
import { type Before, due, reasonInWords, type Told, whoIs } from "@/lib/notice";
import type { Reason } from "@/lib/orders";
import { callLine } from "@/lib/outcome";
import { type Call, readMessage } from "@/lib/wire";
import { aCall } from "./connector";

const words = wordsOf("en");
const NOW = Date.parse("2026-05-04T08:00:10Z");
const FIRST: Before = { told: undefined, mine: false, quiet: false, now: NOW };
const MINE: Before = { ...FIRST, mine: true };
const RANG: Told = {
	state: "ringing_you",
	known: true,
	said: "Call from +48 601 000 001\n+48 601 000 001",
	closed: false,
};
const CLOSED: Told = { ...RANG, closed: true };
const ANNA = {
	entity: "person",
	id: "7",
	name: "Anna Nowak",
	organization: "Acme",
	deal: { id: "5", title: "Printers" },
	link: "https://acme.pipedrive.com/person/7",
};
const JAN = { ...ANNA, id: "8", name: "Jan Kowalski", organization: "", deal: null };

function call(changes: Record<string, unknown>): Call {
	const message = readMessage({ type: "call", call: aCall(changes) });
	if (message?.type !== "call") throw new Error("no call");
	return message.call;
}

const incoming = (changes: Record<string, unknown> = {}) => call({ direction: "in", known: true, ...changes });

function shown(one: Call, before: Before = FIRST) {
	const what = due(one, before, words);
	if (!what || what === "clear") throw new Error(`nothing shown: ${what}`);
	return what.show;
}

test("a caller is named with organization and open deal", () => {
	const notice = shown(incoming({ candidates: [ANNA] }));
	expect(notice.title).toBe("Call from Anna Nowak");
	expect(notice.message).toBe("Acme · Open deal: Printers\n+48 601 000 001");
	expect(notice.sticky).toBe(true);
});

test("the number is told at once, before Pipedrive said whose it is", () => {
	const notice = shown(incoming({ known: false }));
	expect([notice.title, notice.message]).toEqual([
		"Call from +48 601 000 001",
		"+48 601 000 001 · Pipedrive has not said yet who it is.",
	]);
});

test("all candidates of a shared number are listed, and none is guessed", () => {
	const five = [ANNA, JAN, ...["9", "10", "11"].map((id) => ({ ...JAN, id, name: `Person ${id}` }))];
	const notice = shown(incoming({ candidates: five }));
	expect(notice.title).toBe("Call from +48 601 000 001");
	expect(notice.message.split("\n")).toEqual([
		"5 people have this number:",
		"Anna Nowak · Acme",
		"Jan Kowalski",
		"Person 9",
		"Person 10",
		"and 1 more",
	]);
	expect(notice.choices).toEqual(["Anna Nowak", "Jan Kowalski"]);
});

test("candidates beyond those that the connector lists are counted too", () => {
	const five = ["7", "8", "9", "10", "11"].map((id) => ({ ...JAN, id }));
	const lines = shown(incoming({ candidates: five, others: 2 })).message.split("\n");
	expect([lines[0], lines.at(-1)]).toEqual(["7 people have this number:", "and 3 more"]);
});

test("somebody new is offered as a new person, and a hidden number is said to be hidden", () => {
	expect(shown(incoming({ new_person: "https://acme.pipedrive.com/persons/list" })).message).toBe(
		"Not in Pipedrive yet. Click to add a new person.",
	);
	const hidden = shown(incoming({ number: "", number_shown: "" }));
	expect([hidden.title, hidden.message]).toEqual(["Incoming call", "The caller's number is hidden."]);
});

test("of a number that is nobody's and shall stay so, the number alone is told", () => {
	expect(shown(incoming()).message).toBe("+48 601 000 001");
});

test("a call that was announced and not answered becomes a missed one", () => {
	const missed = incoming({ state: "ended", reason: "no_answer", candidates: [ANNA] });
	expect(shown(missed, { ...FIRST, told: RANG }).title).toBe("Missed call from Anna Nowak");
	expect(due(missed, FIRST, words)).toBeNull();
	expect(due(incoming({ state: "ended", reason: "answered" }), { ...FIRST, told: RANG }, words)).toBe("clear");
});

test("a call that a colleague took is not told, and what is shown of it goes", () => {
	const taken = incoming({ state: "ended", reason: "taken" });
	expect(due(taken, FIRST, words)).toBeNull();
	expect(due(taken, { ...FIRST, told: RANG }, words)).toBe("clear");
	expect(callLine(taken, "en", words).outcome).toBe("Taken by a colleague");
	expect(callLine(taken, "pl", wordsOf("pl")).outcome).toBe("Odebrane przez kogoś z zespołu");
});

test("a call that ended for a reason that this version does not know has ended, and no more is said", () => {
	expect(callLine(incoming({ state: "ended", reason: "struck_by_lightning" }), "en", words).outcome).toBe("Ended");
});

test("an old call is no news, but what is shown of it goes on", () => {
	const late = { ...FIRST, now: NOW + 10 * 60_000 };
	expect(due(incoming(), late, words)).toBeNull();
	expect(due(incoming({ state: "in_call" }), { ...late, told: RANG }, words)).toMatchObject({ show: {} });
});

test("do not disturb is quiet about callers and not about one's own calls", () => {
	expect(due(incoming(), { ...FIRST, quiet: true }, words)).toBeNull();
	expect(due(incoming(), { ...FIRST, quiet: true, told: RANG }, words)).toBe("clear");
	expect(shown(call({}), { ...MINE, quiet: true }).title).toBe("Pick up your phone");
});

test("the same is not told twice, and what was closed stays closed until it matters", () => {
	expect(due(incoming(), { ...FIRST, told: RANG }, words)).toBeNull();
	expect(due(incoming(), { ...FIRST, told: CLOSED }, words)).toBeNull();
	expect(due(incoming({ state: "in_call" }), { ...FIRST, told: CLOSED }, words)).toBeNull();
	expect(shown(incoming({ state: "ended", reason: "no_answer" }), { ...FIRST, told: CLOSED }).title).toContain(
		"Missed",
	);
	expect(shown(call({ state: "failed", reason: "centre_down" }), { ...MINE, told: CLOSED }).title).toContain(
		"Not called",
	);
});

test("a name that arrives comes into the notification that stands, and not to one that was closed", () => {
	const named = incoming({ candidates: [ANNA] });
	expect(due(named, { ...FIRST, told: { ...RANG, known: false } }, words)).toMatchObject({ anew: false });
	expect(due(named, { ...FIRST, told: { ...CLOSED, known: false } }, words)).toBeNull();
	expect(due(incoming({ known: false }), { ...FIRST, told: RANG }, words)).toBeNull();
	expect(due(incoming(), { ...FIRST, told: RANG }, wordsOf("pl"))).toMatchObject({ anew: false });
});

test("do not disturb does not forget what was closed", () => {
	expect(due(incoming(), { ...FIRST, quiet: true, told: CLOSED }, words)).toBeNull();
});

test.each([
	["dialling", "", "Calling +48 601 000 001", "Your phone is about to ring."],
	["ringing_you", "", "Pick up your phone", "Then +48 601 000 001 is called."],
	["ringing_them", "", "Calling +48 601 000 001", "Their phone rings."],
	["in_call", "", "In a call with +48 601 000 001", "+48 601 000 001"],
	["ended", "no_answer", "No answer: +48 601 000 001", "+48 601 000 001"],
	["ended", "busy", "Busy: +48 601 000 001", "+48 601 000 001"],
	["failed", "agent_offline", "Not called: +48 601 000 001", words("agent_offline")],
])("one's own call in state %s %s is said in words", (state, reason, title, message) => {
	const notice = shown(call({ state, reason }), MINE);
	expect([notice.title, notice.message]).toEqual([title, message]);
});

test("an answered call that is over leaves nothing behind", () => {
	expect(due(call({ state: "ended", reason: "answered" }), { ...MINE, told: RANG }, words)).toBe("clear");
});

test("a call that another browser ordered is not told here", () => {
	expect(due(call({}), FIRST, words)).toBeNull();
});

test("a reason that this version does not know is still a sentence", () => {
	expect(reasonInWords("struck_by_lightning" as Reason, words)).toBe(words("centre_refused"));
});

test("a past call is one line: outcome, talk time, moment", () => {
	const answered = call({ state: "ended", reason: "answered", duration_s: 125 });
	const now = new Date("2026-05-04T12:00:00Z");
	expect(callLine(answered, "en", words, now).outcome).toBe("Answered 2:05");
	expect(callLine(answered, "en", words, now).when).toMatch(/^\d\d:\d\d$/);
	expect(callLine(answered, "en", words, new Date("2026-05-06T12:00:00Z")).when).toMatch(/4 May.* \d\d:\d\d$/);
	expect(callLine(call({ state: "failed", reason: "busy" }), "en", words).outcome).toBe("Not called: Busy");
	expect(whoIs(call({ number: "", number_shown: "" }), words)).toBe("Hidden number");
});
