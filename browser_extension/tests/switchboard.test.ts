import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fakeBrowser } from "wxt/testing/fake-browser";
import type { DialOrder } from "@/lib/orders";
import * as store from "@/lib/store";
import { Switchboard, withCall } from "@/lib/switchboard";
import type { Call } from "@/lib/wire";
import { aCall, Connector, until } from "./connector";

const ORDER: DialOrder = { type: "dial", number: "601 000 001", record: { entity: "deal", id: "5" }, source: "link" };
const now = () => new Date().toISOString();
const ringing = (changes: Record<string, unknown> = {}) =>
	aCall({ id: "in1", direction: "in", known: true, began_at: now(), ...changes });

interface Shown {
	readonly title: string;
	readonly message: string;
}

let connector: Connector;
let board: Switchboard;
/** The notifications that stand, as the browser would keep them over a restart of the worker. */
let notices: Map<string, Shown>;
let created: string[];
let badge: string;

/** The parts of the browser that its double does not have. */
function giveBrowser(): void {
	Object.assign(fakeBrowser, {
		action: {
			setBadgeText: async ({ text }: { text: string }) => {
				badge = text;
			},
			setBadgeBackgroundColor: async () => {},
			setTitle: async () => {},
		},
		i18n: { getUILanguage: () => "en" },
		notifications: {
			create: async (id: string, notice: Shown) => {
				created.push(id);
				notices.set(id, notice);
			},
			update: async (id: string, notice: Shown) => {
				if (!notices.has(id)) return false;
				notices.set(id, notice);
				return true;
			},
			clear: async (id: string) => notices.delete(id),
			getAll: async () => Object.fromEntries([...notices.keys()].map((id) => [id, true])),
		},
	});
	Object.assign(fakeBrowser.runtime, { getPlatformInfo: async () => ({ os: "linux" }) });
}

async function pairUp(token = connector.token): Promise<void> {
	const agent = { name: "Anna", login: "anna", centre: "demo" };
	const { address } = connector;
	await store.pairing.setValue({ address, token, agent, company: "Acme", hosts: [], revoked: false });
}

/** A worker that the browser has just started: nothing in its memory. */
function wakeUp(): Switchboard {
	board = new Switchboard({ backOff: () => 1, answer: 100 });
	void board.wake();
	return board;
}

/** Stop the worker as a browser does: without a word, and with what was stored and shown left as it is. */
async function stopWorker(): Promise<void> {
	const { local, session } = fakeBrowser.storage;
	const [kept, keptInMemory, shown] = [await local.get(), await session.get(), new Map(notices)];
	await board.disconnect();
	await Promise.all([local.set(kept), session.set(keptInMemory)]);
	notices = shown;
	await until(() => connector.sockets.length === 0);
}

async function onTheLine(): Promise<void> {
	await pairUp();
	wakeUp();
	await until(() => board.hosts.length > 0 && badge === "");
}

beforeEach(async () => {
	fakeBrowser.reset();
	notices = new Map();
	created = [];
	badge = "?";
	giveBrowser();
	connector = await Connector.start();
});

afterEach(async () => {
	await board.disconnect();
	await connector.stop();
});

test("an incoming call is announced once, and its name comes into the same notification", async () => {
	await onTheLine();
	connector.say({ type: "call", call: ringing({ known: false }) });
	await until(() => notices.size === 1);
	connector.say({ type: "call", call: ringing({ candidates: [{ entity: "person", id: "7", name: "Anna Nowak" }] }) });

	await until(() => notices.get("call:in1")?.title === "Call from Anna Nowak");
	expect([...notices.keys()]).toEqual(["call:in1"]);
	expect(badge).toBe("●");
});

/** Drop everybody from the line, who then take it again. */
async function takeTheLineAnew(): Promise<void> {
	const before = connector.protocols.length;
	for (const socket of connector.sockets) socket.terminate();
	await until(() => connector.protocols.length > before && connector.sockets.length === 1);
}

/** What is shown anew from here on; another call that is announced in the end says that all before it was dealt with. */
async function shownAnewBy(what: () => unknown): Promise<string[]> {
	created = [];
	await what();
	const other = ringing({ id: crypto.randomUUID() });
	connector.say({ type: "calls", calls: [...connector.calls, other] });
	await until(() => created.includes(`call:${other.id}`));
	return created.filter((id) => id !== `call:${other.id}`);
}

const JAN = { entity: "person", id: "7", name: "Jan Kowalski" };
const missed = (changes: Record<string, unknown> = {}) =>
	ringing({ state: "ended", reason: "no_answer", ended_at: now(), candidates: [JAN], ...changes });

/** Miss a call of which one was told, and turn away from the notification. */
async function missOne(): Promise<void> {
	await onTheLine();
	connector.say({ type: "call", call: ringing({ candidates: [JAN] }) });
	await until(() => notices.size === 1);
	connector.calls = [missed()];
	connector.say({ type: "call", call: missed() });
	await until(() => notices.get("call:in1")?.title === "Missed call from Jan Kowalski");
	notices.clear();
}

test.each<[string, () => unknown]>([
	["the line is taken anew", takeTheLineAnew],
	[
		"its activity is written",
		() => connector.say({ type: "call", call: missed({ link: "https://acme.pipedrive.com/activities/9" }) }),
	],
	[
		"a connector that was started anew has no name for it yet",
		() => {
			connector.calls = [missed({ known: false, candidates: [] })];
			return takeTheLineAnew();
		},
	],
	[
		"another language is chosen",
		async () => {
			await store.language.setValue("pl");
			await board.settingsChanged();
		},
	],
])("a missed call is told once, and not again when %s", async (_, happens) => {
	await missOne();
	expect(await shownAnewBy(happens)).toEqual([]);
	await board.closed("in1");
	expect(await shownAnewBy(happens)).toEqual([]);
	expect(notices.has("call:in1")).toBe(false);
});

test("a ringing call whose notification was closed stays closed while it rings, and is told when it was missed", async () => {
	await onTheLine();
	connector.say({ type: "call", call: ringing({ known: false }) });
	await until(() => notices.size === 1);
	notices.clear();
	await board.closed("in1");
	connector.calls = [ringing({ candidates: [JAN] })];
	const repeat = () => {
		connector.say({ type: "call", call: ringing({ known: false }) });
		connector.say({ type: "call", call: ringing({ candidates: [JAN] }) });
	};

	expect(await shownAnewBy(repeat)).toEqual([]);
	expect(notices.has("call:in1")).toBe(false);
	connector.say({ type: "call", call: missed() });
	await until(() => notices.get("call:in1")?.title === "Missed call from Jan Kowalski");
});

test("a name that arrives makes no second sound", async () => {
	await onTheLine();
	connector.say({ type: "call", call: ringing({ known: false }) });
	await until(() => notices.size === 1);
	connector.calls = [ringing({ candidates: [JAN] })];

	expect(await shownAnewBy(() => connector.say({ type: "call", call: connector.calls[0] }))).toEqual([]);
	expect(notices.get("call:in1")?.title).toBe("Call from Jan Kowalski");
});

test("a worker that was stopped in a call tells nothing twice and loses nothing", async () => {
	await onTheLine();
	connector.say({ type: "call", call: ringing() });
	await until(() => notices.size === 1);
	const before = created.length;
	await stopWorker();
	connector.calls = [ringing()];
	wakeUp();
	await until(() => connector.sockets.length === 1);
	await until(() => badge === "●");
	connector.say({ type: "call", call: ringing({ state: "ended", reason: "answered", ended_at: now() }) });

	await until(() => notices.size === 0);
	expect(created.length).toBe(before);
});

test.each([
	["six minutes fast", 6],
	["six minutes slow", -6],
])("by a clock that is %s a call that rings is news, and one of ten minutes ago is none", async (_, minutes) => {
	const theirs = (ago: number) => new Date(Date.now() - (minutes + ago) * 60_000).toISOString();
	connector.now = theirs(0);
	await onTheLine();
	connector.say({ type: "call", call: ringing({ id: "old", began_at: theirs(10) }) });
	connector.say({ type: "call", call: ringing({ id: "new", began_at: theirs(0) }) });

	await until(() => notices.has("call:new"));
	expect(created).toEqual(["call:new"]);
});

test("a call that is told no more leaves no notification behind", async () => {
	await onTheLine();
	connector.say({ type: "call", call: ringing() });
	await until(() => notices.size === 1);
	connector.say({ type: "calls", calls: [] });

	await until(() => notices.size === 0);
});

test("a number that is dialled is followed to its end", async () => {
	await onTheLine();

	expect(await board.dial(ORDER)).toEqual({ ok: true, state: "ringing_you" });
	expect(connector.said.at(-1)).toMatchObject({ type: "dial", number: ORDER.number, record: ORDER.record });
	await until(() => notices.get("call:c1")?.title === "Pick up your phone");
	connector.say({ type: "call", call: aCall({ state: "ended", reason: "no_answer" }) });
	await until(() => notices.get("call:c1")?.title === "No answer: +48 601 000 001");
});

test("a refusal is said in words, to the page and to the person", async () => {
	await pairUp();
	connector.letsSocketsThrough = false;
	const body = (id: string) => ({ type: "refused", id, reason: "agent_offline" });
	vi.spyOn(crypto, "randomUUID").mockReturnValue("00000000-0000-4000-8000-000000000000");
	connector.replies["/line/dial"] = { status: 200, body: body("00000000-0000-4000-8000-000000000000") };
	wakeUp();

	expect(await board.dial(ORDER)).toEqual({ ok: false, reason: "agent_offline" });
	expect(notices.get("refused")?.title).toBe("Not called: 601 000 001");
	vi.restoreAllMocks();
});

test("who is not connected is told so, and nothing is sent", async () => {
	wakeUp();

	expect(await board.dial(ORDER)).toEqual({ ok: false, reason: "not_paired" });
	expect(notices.has("connect")).toBe(true);
	expect(connector.posts).toEqual([]);
	await until(() => badge === "!");
});

test("a revoked token ends the line for good and asks to connect again", async () => {
	await onTheLine();
	for (const socket of connector.sockets) socket.close(4401);

	await until(() => notices.has("connect"));
	expect((await store.pairing.getValue())?.token).toBe("");
	expect(board.paired).toBe(false);
	expect(await fakeBrowser.alarms.get("line")).toBeUndefined();
	await until(() => badge === "!");
	// A worker that is started anew does not try the dead token again.
	const tried = connector.protocols.length;
	wakeUp();
	await board.wake();
	expect(connector.protocols.length).toBe(tried);
});

test("connecting takes away the notification that asked for it", async () => {
	wakeUp();
	await board.dial(ORDER);
	expect(notices.has("connect")).toBe(true);
	await pairUp();
	const pairing = await store.pairing.getValue();
	if (pairing) await board.connect(pairing);

	expect(notices.size).toBe(0);
});

test("do not disturb takes the announcement away and keeps the list", async () => {
	await onTheLine();
	connector.say({ type: "call", call: ringing() });
	await until(() => notices.size === 1);
	await store.quiet.setValue(true);
	await board.settingsChanged();

	await until(() => notices.size === 0);
	expect((await store.calls.getValue()).map((call) => call.id)).toEqual(["in1"]);
});

test("hello tells who the agent is and which hosts are Pipedrive's", async () => {
	await onTheLine();

	await until(() => board.hosts.length > 0);
	expect(await store.pairing.getValue()).toMatchObject({
		agent: { name: "Anna Nowak" },
		hosts: ["acme.pipedrive.com"],
	});
});

test("an alarm brings a stopped worker back, and goes with the pairing", async () => {
	await onTheLine();
	expect(await fakeBrowser.alarms.get("line")).toMatchObject({ periodInMinutes: 0.5 });
	await board.disconnect();

	expect(await fakeBrowser.alarms.get("line")).toBeUndefined();
	expect(await store.pairing.getValue()).toBeNull();
	expect(await store.calls.getValue()).toEqual([]);
});

test("calls stand newest first, twenty at most", () => {
	const made = (id: string, began_at: string) => aCall({ id, began_at }) as unknown as Call;
	const calls = Array.from({ length: 25 }, (_, n) => made(`c${n}`, `2026-05-04T08:00:${String(n).padStart(2, "0")}Z`));
	const kept = calls.reduce<readonly Call[]>(withCall, []);

	expect(kept).toHaveLength(20);
	expect([kept[0]?.id, kept.at(-1)?.id]).toEqual(["c24", "c5"]);
	expect(withCall(kept, made("c24", "2026-05-04T08:00:24Z"))).toHaveLength(20);
});
