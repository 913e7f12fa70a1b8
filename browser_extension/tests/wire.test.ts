import { expect, test } from "vitest";
import { readOrder } from "@/lib/requests";
import { readMessage } from "@/lib/wire";
import { aCall, HELLO } from "./connector";

test("junk is no message, and an unknown kind is passed over", () => {
	for (const junk of ["", "{", "[]", "null", '"ping"', '{"type":"dance"}', '{"type":"call"}', 7, undefined]) {
		expect(readMessage(junk)).toBeNull();
	}
});

test("a message with more than this version knows is read all the same", () => {
	expect(readMessage(JSON.stringify({ ...HELLO, fresh: 1 }))).toMatchObject({
		type: "hello",
		agent: { name: "Anna Nowak" },
	});
});

test("hello tells the connector's time, which an older one does not", () => {
	const hello = (changes: object) => readMessage({ ...HELLO, ...changes });
	expect(hello({ now: "2026-05-04T08:00:00Z" })).toMatchObject({ now: "2026-05-04T08:00:00Z" });
	expect(hello({})).toMatchObject({ now: null });
});

test("a call that is none is left out of the list, the others stay", () => {
	const message = readMessage({ type: "calls", calls: [aCall(), { id: "" }, aCall({ state: "flying" }), null] });
	expect(message).toMatchObject({ calls: [{ id: "c1" }] });
	expect(message?.type === "calls" && message.calls.length).toBe(1);
});

test("ids are text, whether they came as numbers", () => {
	const call = aCall({ record: { entity: "deal", id: 5 }, candidates: [{ entity: "person", id: 7, name: "Anna" }] });
	expect(readMessage({ type: "call", call })).toMatchObject({
		call: { record: { entity: "deal", id: "5" }, candidates: [{ id: "7", organization: "", deal: null, link: "" }] },
	});
});

test("how many candidates there are beyond those listed is a whole number, and none where it is not told", () => {
	const others = (value: unknown) => {
		const message = readMessage({ type: "call", call: aCall({ others: value }) });
		return message?.type === "call" && message.call.others;
	};
	expect([2, undefined, "2", -1, 1.5, null].map(others)).toEqual([2, 0, 0, 0, 0, 0]);
});

test("a page's order is read with suspicion", () => {
	const order = { type: "dial", number: " 601 000 001 ", record: { entity: "deal", id: "5" }, source: "link" };
	expect(readOrder(order)).toEqual({ ...order, number: "601 000 001" });
	expect(readOrder({ ...order, record: { entity: "user", id: "5" } })?.record).toBeNull();
	expect(readOrder({ ...order, record: { entity: "deal", id: "5/../6" } })?.record).toBeNull();
	expect(readOrder({ ...order, number: "1".repeat(999) })?.number).toHaveLength(200);
	for (const bad of [null, "dial", { ...order, number: 7 }, { ...order, number: " " }, { ...order, source: "popup" }]) {
		expect(readOrder(bad)).toBeNull();
	}
});
