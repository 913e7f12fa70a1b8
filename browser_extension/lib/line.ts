/** The live line to the connector: a WebSocket, a long poll where sockets do not pass, and back again. */

import { backOff, pollWindow, Wait } from "./waiting";
import { type Answer, readMessage, type ServerMessage, type WireOrder } from "./wire";

/** How the line stands; "revoked" and "stopped" are its ends. */
export type LineState =
	| "connecting"
	| "open"
	| "polling"
	| "offline"
	| "restarting"
	| "too_many"
	| "revoked"
	| "stopped";

export interface LineListener {
	message(message: ServerMessage): void;
	state(state: LineState): void;
}

/** Milliseconds; tests make them short. */
export interface LineTimes {
	/** The server pings each 20 s: who hears nothing for this long has lost the line. */
	silence: number;
	hello: number;
	poll: number;
	answer: number;
	settled: number;
	tooMany: number;
	backOff: (failures: number) => number;
	pollWindow: (failures: number) => number;
}

const TIMES: LineTimes = {
	silence: 60_000,
	hello: 10_000,
	poll: 40_000,
	answer: 4_000,
	settled: 10_000,
	tooMany: 60_000,
	backOff,
	pollWindow,
};

interface SocketEnd {
	readonly greeted: boolean;
	readonly lived: number;
	readonly code: number;
}

interface Reply {
	readonly status: number;
	/** The connector says that the token no longer counts. */
	readonly revoked: boolean;
	readonly body: unknown;
}

/** Closed by the server because the token no longer counts. */
const REVOKED = 4401;
/** What the connector says with its 401; one of a proxy, or a 403, passes, and the token is kept. */
const CHALLENGE = 'Bearer realm="connector"';
const TOO_MANY = 4429;
const RESTART = 1012;
/** Our own code: nothing was heard for too long. */
const SILENT = 4000;

export class Line {
	readonly #address: string;
	readonly #token: string;
	readonly #listener: LineListener;
	readonly #times: LineTimes;
	readonly #wait = new Wait();
	readonly #answers = new Map<string, (answer: Answer | null) => void>();
	#socket: WebSocket | null = null;
	#greeted = false;
	#abort = new AbortController();
	#state: LineState = "stopped";
	#cursor = "";

	/** @param address the connector's origin, such as https://connector.example.com */
	constructor(address: string, token: string, listener: LineListener, times: Partial<LineTimes> = {}) {
		this.#address = address;
		this.#token = token;
		this.#listener = listener;
		this.#times = { ...TIMES, ...times };
	}

	get state(): LineState {
		return this.#state;
	}

	start(): void {
		if (this.#state !== "stopped") return;
		this.#abort = new AbortController();
		this.#tell("connecting");
		void this.#run(this.#abort.signal);
	}

	/** Close for good; nothing is told afterwards. */
	stop(): void {
		this.#abort.abort();
		this.#state = "stopped";
		this.#socket?.close(1000);
		this.#wait.end();
	}

	/** Try at once instead of waiting on. */
	hurry(): void {
		this.#wait.end();
	}

	/** Order a call; null when the connector cannot be reached. The order's id makes a second way safe: it rings once. */
	async dial(order: WireOrder): Promise<Answer | "revoked" | null> {
		const answer = await this.#dialBySocket(order);
		if (answer) return answer;
		return (await this.#dialByPost(order)) ?? (await this.#dialByPost(order));
	}

	async #run(signal: AbortSignal): Promise<void> {
		let failures = 0;
		while (!signal.aborted) {
			const end = await this.#holdSocket(signal);
			if (signal.aborted) return;
			if (end.code === REVOKED) return this.#tell("revoked");
			failures = end.lived >= this.#times.settled ? 0 : failures + 1;
			if (end.code === TOO_MANY) {
				await this.#waitForRoom();
				continue;
			}
			const polled = end.greeted ? "over" : await this.#pollFor(this.#times.pollWindow(failures), signal);
			if (polled === "revoked") return this.#tell("revoked");
			if (polled === "too_many") {
				await this.#waitForRoom();
				continue;
			}
			if (signal.aborted) return;
			if (this.#state === "polling") continue;
			this.#tell(end.code === RESTART ? "restarting" : "offline");
			await this.#wait.for(this.#times.backOff(Math.max(failures, end.code === RESTART ? 2 : 1)));
		}
	}

	/** Other browsers of the agent have all the lines there are. */
	async #waitForRoom(): Promise<void> {
		this.#tell("too_many");
		await this.#wait.for(this.#times.tooMany);
	}

	/** Hold one socket from its opening to its end. A browser does not say why one failed to open: the poll does. */
	#holdSocket(signal: AbortSignal): Promise<SocketEnd> {
		return new Promise((resolve) => {
			const socket = new WebSocket(`${this.#address.replace(/^http/, "ws")}/line`, [
				"connector.v1",
				`bearer.${this.#token}`,
			]);
			this.#socket = socket;
			this.#greeted = false;
			let greetedAt = 0;
			let code = 0;
			let silence = setTimeout(() => socket.close(SILENT), this.#times.hello);
			const end = (closed: number) => {
				clearTimeout(silence);
				this.#socket = null;
				this.#greeted = false;
				for (const answer of this.#answers.values()) answer(null);
				resolve({ greeted: greetedAt > 0, lived: greetedAt ? Date.now() - greetedAt : 0, code: code || closed });
			};
			socket.onmessage = (event) => {
				if (signal.aborted) return;
				clearTimeout(silence);
				silence = setTimeout(() => {
					// A dead network never confirms the close.
					socket.onclose = null;
					socket.close(SILENT);
					end(SILENT);
				}, this.#times.silence);
				const message = readMessage(event.data);
				if (message?.type === "hello") {
					greetedAt = Date.now();
					this.#greeted = true;
					this.#tell("open");
				}
				if (message?.type === "ping") socket.send('{"type":"pong"}');
				if (message?.type === "bye")
					code = { revoked: REVOKED, too_many: TOO_MANY, restart: RESTART }[message.reason] ?? 0;
				if (message) this.#hear(message);
			};
			socket.onclose = (event) => end(event.code);
		});
	}

	/** Poll until the window is over or a poll fails; the state stays "polling" when the window ended well. */
	async #pollFor(window: number, signal: AbortSignal): Promise<"revoked" | "too_many" | "over"> {
		const until = Date.now() + window;
		this.#cursor = this.#state === "polling" ? this.#cursor : "";
		while (!signal.aborted && Date.now() < until) {
			const reply = await this.#post("/line/poll", { after: this.#cursor }, this.#times.poll);
			if (signal.aborted) return "over";
			if (reply?.revoked) return "revoked";
			const body = reply?.status === 200 ? (reply.body as { cursor?: unknown; messages?: unknown } | null) : null;
			if (!body || typeof body.cursor !== "string") {
				const last = Array.isArray(body?.messages) ? readMessage(body.messages.at(-1)) : null;
				if (last?.type === "bye" && last.reason === "too_many") return "too_many";
				this.#tell("offline");
				return "over";
			}
			this.#cursor = body.cursor;
			this.#tell("polling");
			for (const one of Array.isArray(body.messages) ? body.messages : []) {
				const message = readMessage(one);
				if (message) this.#hear(message);
			}
		}
		return "over";
	}

	#dialBySocket(order: WireOrder): Promise<Answer | null> {
		const socket = this.#socket;
		if (!socket || !this.#greeted || socket.readyState !== WebSocket.OPEN) return Promise.resolve(null);
		return new Promise((resolve) => {
			const finish = (answer: Answer | null) => {
				clearTimeout(timer);
				this.#answers.delete(order.id);
				resolve(answer);
			};
			const timer = setTimeout(() => finish(null), this.#times.answer);
			this.#answers.set(order.id, finish);
			socket.send(JSON.stringify(order));
		});
	}

	async #dialByPost(order: WireOrder): Promise<Answer | "revoked" | null> {
		const reply = await this.#post("/line/dial", order, this.#times.answer * 2);
		if (reply?.revoked) return "revoked";
		const message = readMessage(reply?.body);
		return message?.type === "dialled" || message?.type === "refused" ? message : null;
	}

	async #post(path: string, body: unknown, within: number): Promise<Reply | null> {
		try {
			const response = await fetch(this.#address + path, {
				method: "POST",
				headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json" },
				body: JSON.stringify(body),
				credentials: "omit",
				redirect: "error",
				cache: "no-store",
				signal: AbortSignal.any([this.#abort.signal, AbortSignal.timeout(within)]),
			});
			const revoked = response.status === 401 && response.headers.get("www-authenticate") === CHALLENGE;
			return { status: response.status, revoked, body: await response.json().catch(() => null) };
		} catch {
			return null;
		}
	}

	#hear(message: ServerMessage): void {
		if (message.type === "dialled" || message.type === "refused") this.#answers.get(message.id)?.(message);
		this.#listener.message(message);
	}

	#tell(state: LineState): void {
		if (this.#abort.signal.aborted || state === this.#state) return;
		this.#state = state;
		this.#listener.state(state);
	}
}
