import { afterEach, beforeEach, expect, test } from "vitest";
import { Line, type LineState, type LineTimes } from "@/lib/line";
import type { ServerMessage, WireOrder } from "@/lib/wire";
import { aCall, Connector, HELLO, until } from "./connector";

const ORDER: WireOrder = { type: "dial", id: "o1", number: "601 000 001", record: null, source: "link" };
const QUICK: Partial<LineTimes> = { backOff: () => 1, answer: 60, settled: 0, tooMany: 1, pollWindow: () => 1 };

let connector: Connector;
let line: Line;
let states: LineState[];
let heard: ServerMessage[];

function open(token = connector.token, times: Partial<LineTimes> = {}): Line {
	const listener = { message: (one: ServerMessage) => heard.push(one), state: (one: LineState) => states.push(one) };
	line = new Line(connector.address, token, listener, { ...QUICK, ...times });
	line.start();
	return line;
}

beforeEach(async () => {
	connector = await Connector.start();
	states = [];
	heard = [];
});

afterEach(async () => {
	line.stop();
	await connector.stop();
});

test("the token travels as a subprotocol, and hello and the calls are heard", async () => {
	open();
	await until(() => heard.length === 2);

	expect(connector.protocols).toEqual(["connector.v1, bearer.line_good"]);
	expect(heard.map((one) => one.type)).toEqual(["hello", "calls"]);
	expect(states).toEqual(["connecting", "open"]);
});

test("a ping is answered by a pong", async () => {
	open();
	await until(() => line.state === "open");
	connector.say({ type: "ping" });

	await until(() => connector.said.length > 0);
	expect(connector.said).toEqual([{ type: "pong" }]);
});

test("a lost line comes back by itself, and says so", async () => {
	open();
	await until(() => line.state === "open");
	for (const socket of connector.sockets) socket.terminate();

	await until(() => states.length === 4);
	expect(states).toEqual(["connecting", "open", "offline", "open"]);
});

test("a restarting connector is found again on the same port", async () => {
	open();
	await until(() => line.state === "open");
	const port = connector.port;
	connector.say({ type: "bye", reason: "restart" });
	await connector.stop();
	await until(() => states.includes("restarting"));
	connector = await Connector.start(port);

	await until(() => line.state === "open");
});

test("a server that falls silent is left for a new line", async () => {
	open(connector.token, { silence: 20 });

	await until(() => connector.protocols.length >= 2);
	expect(states).toContain("offline");
});

test("a revoked token that is said over the socket ends the line", async () => {
	open();
	await until(() => line.state === "open");
	for (const socket of connector.sockets) socket.close(4401);

	await until(() => line.state === "revoked");
	await new Promise((resolve) => setTimeout(resolve, 20));
	expect(connector.protocols).toHaveLength(1);
});

test("a revoked token is told by the poll where a browser does not say why a socket was refused", async () => {
	open("line_bad");

	await until(() => line.state === "revoked");
	expect(connector.posts.map((one) => one.path)).toEqual(["/line/poll"]);
});

test.each([401, 403])("a proxy's own %i is no end of the token", async (status) => {
	connector.letsSocketsThrough = false;
	connector.replies["/line/poll"] = { status, body: "Sign in to the proxy" };
	connector.replies["/line/dial"] = { status, body: "Sign in to the proxy" };
	open();

	await until(() => line.state === "offline");
	expect(await line.dial(ORDER)).toBeNull();
	expect(states).not.toContain("revoked");
});

test("where sockets do not pass, the long poll hears the same messages", async () => {
	connector.letsSocketsThrough = false;
	connector.polled = [[HELLO, { type: "calls", calls: [] }], [{ type: "call", call: aCall({ id: "c9" }) }]];
	open(connector.token, { pollWindow: () => 5000 });

	await until(() => heard.length >= 3);
	expect(line.state).toBe("polling");
	expect(heard.map((one) => one.type)).toEqual(["hello", "calls", "call"]);
	expect(connector.posts[1]?.body).toEqual({ after: "1" });
});

test("the socket is taken again as soon as it passes", async () => {
	connector.letsSocketsThrough = false;
	open();
	await until(() => line.state === "polling");
	connector.letsSocketsThrough = true;

	await until(() => line.state === "open");
	expect(states).not.toContain("offline");
});

test("too many lines of one agent wait, and do not hammer", async () => {
	open(connector.token, { tooMany: 60_000 });
	await until(() => line.state === "open");
	for (const socket of connector.sockets) socket.close(4429);

	await until(() => line.state === "too_many");
	await new Promise((resolve) => setTimeout(resolve, 20));
	expect(connector.protocols).toHaveLength(1);
});

test("so do those that poll", async () => {
	connector.letsSocketsThrough = false;
	connector.replies["/line/poll"] = { status: 200, body: { messages: [{ type: "bye", reason: "too_many" }] } };
	open(connector.token, { tooMany: 60_000 });

	await until(() => line.state === "too_many");
	await new Promise((resolve) => setTimeout(resolve, 20));
	expect(connector.posts).toHaveLength(1);
});

test("an order goes over the socket and is answered", async () => {
	open();
	await until(() => line.state === "open");

	expect(await line.dial(ORDER)).toMatchObject({ type: "dialled", id: "o1" });
	expect(connector.said).toEqual([ORDER]);
	expect(connector.posts).toEqual([]);
});

test("an order whose answer is lost is sent once more under the same id", async () => {
	connector.answersDials = false;
	open();
	await until(() => line.state === "open");

	expect(await line.dial(ORDER)).toMatchObject({ type: "dialled", id: "o1" });
	expect(connector.posts).toEqual([{ path: "/line/dial", body: ORDER, authorization: "Bearer line_good" }]);
});

test("an order does not wait for a socket", async () => {
	line = new Line(connector.address, connector.token, { message: () => {}, state: () => {} }, QUICK);

	expect(await line.dial(ORDER)).toMatchObject({ type: "dialled" });
});

test("a refusal carries its reason", async () => {
	connector.replies["/line/dial"] = { status: 200, body: { type: "refused", id: "o1", reason: "agent_offline" } };
	line = new Line(connector.address, connector.token, { message: () => {}, state: () => {} }, QUICK);

	expect(await line.dial(ORDER)).toEqual({ type: "refused", id: "o1", reason: "agent_offline" });
});

test("an unreachable connector is said to be so, and a revoked token too", async () => {
	line = new Line("http://127.0.0.1:9", connector.token, { message: () => {}, state: () => {} }, QUICK);
	expect(await line.dial(ORDER)).toBeNull();

	line = new Line(connector.address, "line_bad", { message: () => {}, state: () => {} }, QUICK);
	expect(await line.dial(ORDER)).toBe("revoked");
});

test("a stopped line is quiet and stays closed", async () => {
	open();
	await until(() => line.state === "open");
	line.stop();

	await until(() => connector.sockets.length === 0);
	expect(states).toEqual(["connecting", "open"]);
	expect(connector.protocols).toHaveLength(1);
});
