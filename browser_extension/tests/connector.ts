/** A connector on a port of this machine, as docs/realtime.md describes it, that tests can make misbehave. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

export interface Received {
	readonly path: string;
	readonly body: unknown;
	readonly authorization: string;
}

const CHALLENGE = 'Bearer realm="connector"';

export class Connector {
	/** What was posted, and what came over sockets. */
	readonly posts: Received[] = [];
	readonly said: unknown[] = [];
	readonly protocols: string[] = [];
	sockets: WebSocket[] = [];
	/** Whether upgrades are let through; a proxy may not. */
	letsSocketsThrough = true;
	answersDials = true;
	token = "line_good";
	/** What whoever connects is told of calls. */
	calls: unknown[] = [];
	polled: unknown[][] = [];
	/** What time it says it is; an older connector says nothing. */
	now: string | undefined;
	/** What stands before the connector may answer in its place. */
	replies: Record<string, { status: number; body: unknown }> = {};
	#server: Server;
	#upgrade = new WebSocketServer({ noServer: true, handleProtocols: () => "connector.v1" });

	private constructor() {
		this.#server = createServer((request, response) => void this.#answer(request, response));
		this.#server.on("upgrade", (request, socket, head) => {
			this.protocols.push(request.headers["sec-websocket-protocol"] ?? "");
			if (!this.letsSocketsThrough || !this.protocols.at(-1)?.includes(`bearer.${this.token}`)) {
				socket.end("HTTP/1.1 401 Unauthorized\r\n\r\n");
				return;
			}
			this.#upgrade.handleUpgrade(request, socket, head, (opened) => this.#welcome(opened));
		});
	}

	static async start(port = 0): Promise<Connector> {
		const connector = new Connector();
		await new Promise<void>((resolve) => connector.#server.listen(port, "127.0.0.1", resolve));
		return connector;
	}

	get port(): number {
		return (this.#server.address() as AddressInfo).port;
	}

	get address(): string {
		return `http://127.0.0.1:${this.port}`;
	}

	/** Say something to everyone who is on the line. */
	say(message: unknown): void {
		for (const socket of this.sockets) socket.send(typeof message === "string" ? message : JSON.stringify(message));
	}

	async stop(): Promise<void> {
		for (const socket of this.sockets) socket.terminate();
		this.#server.closeAllConnections();
		await new Promise((resolve) => this.#server.close(resolve));
	}

	#welcome(socket: WebSocket): void {
		this.sockets.push(socket);
		socket.on("message", (data) => {
			const message = JSON.parse(String(data)) as { type: string; id: string; number: string };
			this.said.push(message);
			if (message.type === "dial" && this.answersDials) {
				socket.send(JSON.stringify({ type: "dialled", id: message.id, call: aCall({ number: message.number }) }));
			}
		});
		socket.on("close", () => {
			this.sockets = this.sockets.filter((other) => other !== socket);
		});
		socket.send(JSON.stringify({ ...HELLO, now: this.now }));
		socket.send(JSON.stringify({ type: "calls", calls: this.calls }));
	}

	async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const chunks: Buffer[] = [];
		for await (const chunk of request) chunks.push(chunk as Buffer);
		const raw = Buffer.concat(chunks).toString();
		const path = request.url ?? "";
		const body = raw ? (JSON.parse(raw) as { id?: string; number?: string }) : null;
		this.posts.push({ path, body, authorization: request.headers.authorization ?? "" });
		const reply = this.replies[path] ?? this.#usual(path, body, request.headers.authorization ?? "");
		const challenge = reply.status === 401 && !this.replies[path] ? { "www-authenticate": CHALLENGE } : {};
		response.writeHead(reply.status, { "content-type": "application/json", ...challenge });
		response.end(JSON.stringify(reply.body));
	}

	#usual(path: string, body: { id?: string; number?: string } | null, authorization: string) {
		if (authorization !== `Bearer ${this.token}`) return { status: 401, body: { error: "unauthorised" } };
		if (path === "/line/dial") {
			return { status: 200, body: { type: "dialled", id: body?.id, call: aCall({ number: body?.number ?? "" }) } };
		}
		return { status: 200, body: { cursor: String(this.posts.length), messages: this.polled.shift() ?? [] } };
	}
}

export const HELLO = {
	type: "hello",
	version: 1,
	agent: { name: "Anna Nowak", login: "anna", centre: "demo" },
	company: "Acme",
	pipedrive: "https://acme.pipedrive.com",
	pipedrive_hosts: ["acme.pipedrive.com"],
	server: "1",
};

/** A call as the connector tells it, with what the test says otherwise. */
export function aCall(changes: Record<string, unknown> = {}): Record<string, unknown> {
	return {
		id: "c1",
		direction: "out",
		state: "ringing_you",
		reason: "",
		number: "+48601000001",
		number_shown: "+48 601 000 001",
		record: null,
		candidates: [],
		known: false,
		new_person: "",
		began_at: "2026-05-04T08:00:00Z",
		answered_at: null,
		ended_at: null,
		duration_s: null,
		link: "",
		...changes,
	};
}

/** Wait until something holds; fails after two seconds. */
export async function until(holds: () => boolean): Promise<void> {
	const end = Date.now() + 2000;
	while (!holds()) {
		if (Date.now() > end) throw new Error(`never: ${holds}`);
		await new Promise((resolve) => setTimeout(resolve, 2));
	}
}
