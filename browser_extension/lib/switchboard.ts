/** The worker's heart: the line, the calls that it tells, and what is shown of them. May be stopped at any moment. */

import { browser } from "wxt/browser";
import { signOf } from "./badge";
import { currentWords } from "./i18n";
import { Line, type LineState, type LineTimes } from "./line";
import { due, reasonInWords, type Told } from "./notice";
import { noticeId, say, show, takeAway } from "./notifying";
import type { DialAnswer, DialOrder, Reason } from "./orders";
import * as store from "./store";
import type { Call, ServerMessage } from "./wire";

/** The alarm that brings a stopped worker back; its period is the shortest that browsers keep to. */
export const ALARM = "line";
const ALARM_MINUTES = 0.5;
/** The notification that asks to connect. */
export const CONNECT = "connect";
const KEPT = 20;
const LONGEST_NUMBER = 200;

export class Switchboard {
	readonly #times: Partial<LineTimes>;
	#awake: Promise<void> | null = null;
	#line: Line | null = null;
	#pairing: store.Pairing | null = null;
	#calls: readonly Call[] = [];
	#told: Record<string, Told> = {};
	#mine: readonly string[] = [];
	#quiet = false;
	/** How far the connector's clock is ahead of this machine's, in milliseconds. */
	#ahead = 0;
	/** Notifications and the button change one after the other, in the order of what was heard. */
	#shown: Promise<void> = Promise.resolve();

	constructor(times: Partial<LineTimes> = {}) {
		this.#times = times;
	}

	/** Remember what was before the worker was stopped, and take the line; does nothing when awake. */
	wake(): Promise<void> {
		this.#awake ??= this.#remember();
		return this.#awake;
	}

	get hosts(): readonly string[] {
		return this.#pairing?.hosts ?? [];
	}

	get paired(): boolean {
		return this.#pairing !== null && !this.#pairing.revoked;
	}

	call(id: string): Call | undefined {
		return this.#calls.find((call) => call.id === id);
	}

	/** Take the line with a fresh pairing, leaving the one before. */
	async connect(pairing: store.Pairing): Promise<void> {
		await this.wake();
		await this.#forgetCalls();
		await this.#keepPairing(pairing);
		await takeAway(CONNECT);
		await this.#takeLine();
	}

	/** Leave the line and forget the agent. */
	async disconnect(): Promise<void> {
		await this.wake();
		this.#line?.stop();
		this.#line = null;
		await browser.alarms.clear(ALARM);
		await this.#forgetCalls();
		await this.#keepPairing(null);
		await this.#onState("stopped");
	}

	/** Order a call and say what came of it, to the asker and, when it was refused, in a notification. */
	async dial(order: DialOrder): Promise<DialAnswer> {
		await this.wake();
		if (!this.#line || !this.paired) return this.#refuse(order.number, "not_paired");
		const id = crypto.randomUUID();
		const number = order.number.slice(0, LONGEST_NUMBER);
		const answer = await this.#line.dial({ ...order, id, number });
		if (answer === "revoked") {
			await this.#onState("revoked");
			return { ok: false, reason: "not_paired" };
		}
		if (!answer) return this.#refuse(number, "unreachable");
		if (answer.type === "refused") return this.#refuse(number, answer.reason);
		await this.#took(answer.call);
		return answer.call.state === "failed"
			? { ok: false, reason: answer.call.reason || "failed" }
			: { ok: true, state: answer.call.state };
	}

	/** Hurry a line that waits for its next try: somebody looks, or the network is back. */
	async hurry(): Promise<void> {
		await this.wake();
		this.#line?.hurry();
	}

	/** Do not disturb was switched, or another language chosen. */
	async settingsChanged(): Promise<void> {
		await this.wake();
		this.#quiet = await store.quiet.getValue();
		for (const call of this.#calls) this.#announce(call);
		await this.#sign();
	}

	/** Its person closed the notification of a call. */
	async closed(callId: string): Promise<void> {
		await this.wake();
		const told = this.#told[callId];
		if (!told) return;
		this.#told = { ...this.#told, [callId]: { ...told, closed: true } };
		await store.told.setValue(this.#told);
	}

	async #remember(): Promise<void> {
		[this.#pairing, this.#calls, this.#told, this.#mine, this.#quiet] = await Promise.all([
			store.pairing.getValue(),
			store.calls.getValue(),
			store.told.getValue(),
			store.mine.getValue(),
			store.quiet.getValue(),
		]);
		await this.#takeLine();
		await this.#sign();
	}

	async #takeLine(): Promise<void> {
		this.#line?.stop();
		this.#line = null;
		if (!this.#pairing || this.#pairing.revoked) return;
		const listener = {
			message: (message: ServerMessage) => void this.#hear(message),
			state: (state: LineState) => void this.#onState(state),
		};
		this.#line = new Line(this.#pairing.address, this.#pairing.token, listener, this.#times);
		this.#line.start();
		await browser.alarms.create(ALARM, { periodInMinutes: ALARM_MINUTES });
	}

	async #hear(message: ServerMessage): Promise<void> {
		switch (message.type) {
			case "hello":
				// An older connector does not say what time it is.
				this.#ahead = Date.parse(message.now ?? "") - Date.now() || 0;
				if (this.#pairing) {
					const { agent, company, pipedrive_hosts: hosts } = message;
					await this.#keepPairing({ ...this.#pairing, agent, company, hosts });
				}
				return this.#sign();
			case "calls":
				return this.#keepCalls(message.calls.slice(0, KEPT));
			case "call":
				return this.#keepCalls(withCall(this.#calls, message.call));
			case "dialled":
				return this.#took(message.call);
			case "ping":
				// Firefox counts calls of its own interface as life, not messages on a socket.
				await browser.runtime.getPlatformInfo();
				return;
			default:
				return;
		}
	}

	/** A call that was ordered here: its notification follows it from now on. */
	async #took(call: Call): Promise<void> {
		if (!this.#mine.includes(call.id)) this.#mine = [call.id, ...this.#mine].slice(0, KEPT);
		await store.mine.setValue(this.#mine);
		await this.#keepCalls(withCall(this.#calls, this.call(call.id) ?? call));
	}

	async #keepCalls(calls: readonly Call[]): Promise<void> {
		this.#calls = calls;
		for (const call of [...calls].reverse()) this.#announce(call);
		const known = new Set(calls.map((call) => call.id));
		this.#inTurn(async () => {
			// What is told no more must not stand there for ever.
			const gone = Object.keys(this.#told).filter((id) => !known.has(id));
			this.#told = Object.fromEntries(Object.entries(this.#told).filter(([id]) => known.has(id)));
			await store.told.setValue(this.#told);
			for (const id of gone) await takeAway(noticeId(id));
		});
		await store.calls.setValue(calls);
		await this.#sign();
	}

	/** Show what is due of a call. What was told is noted before anything waits, so that nothing is told twice. */
	#announce(call: Call): void {
		this.#inTurn(async () => {
			const words = await currentWords();
			const before = {
				told: this.#told[call.id],
				mine: this.#mine.includes(call.id),
				quiet: this.#quiet,
				now: Date.now() + this.#ahead,
			};
			const what = due(call, before, words);
			if (!what) return;
			const { [call.id]: _, ...others } = this.#told;
			this.#told = what === "clear" ? others : { ...others, [call.id]: what.told };
			await store.told.setValue(this.#told);
			if (what === "clear") await takeAway(noticeId(call.id));
			else await show(noticeId(call.id), what.show, what.anew);
		});
	}

	async #refuse(number: string, reason: Reason): Promise<DialAnswer> {
		const words = await currentWords();
		await say(
			reason === "not_paired" ? CONNECT : "refused",
			words("not_called", { who: number }),
			reasonInWords(reason, words),
		);
		return { ok: false, reason };
	}

	async #onState(state: LineState): Promise<void> {
		await store.line.setValue(state);
		if (state === "revoked" && this.#pairing && !this.#pairing.revoked) {
			await this.#keepPairing({ ...this.#pairing, token: "", revoked: true });
			this.#line?.stop();
			this.#line = null;
			await browser.alarms.clear(ALARM);
			await this.#forgetCalls();
			const words = await currentWords();
			await say(CONNECT, words("disconnected_title"), words("disconnected_text"));
		}
		await this.#sign();
	}

	async #keepPairing(pairing: store.Pairing | null): Promise<void> {
		this.#pairing = pairing;
		await store.pairing.setValue(pairing);
	}

	async #forgetCalls(): Promise<void> {
		for (const id of Object.keys(this.#told)) await takeAway(noticeId(id));
		this.#calls = [];
		this.#told = {};
		this.#mine = [];
		await Promise.all([store.calls.setValue([]), store.told.setValue({}), store.mine.setValue([])]);
	}

	/** Bring the extension's button up to date. */
	async #sign(): Promise<void> {
		this.#inTurn(async () => {
			const words = await currentWords();
			const line = await store.line.getValue();
			const sign = signOf({ pairing: this.#pairing, line, quiet: this.#quiet, calls: this.#calls }, words);
			await browser.action.setBadgeText({ text: sign.text });
			await browser.action.setBadgeBackgroundColor({ color: sign.colour });
			await browser.action.setTitle({ title: `${words("name")}\n${sign.sentence}` });
		});
		await this.#shown;
	}

	#inTurn(step: () => Promise<void>): void {
		// What one step could not show must not keep the next from being shown.
		this.#shown = this.#shown.then(step).catch(() => undefined);
	}
}

/** Put a changed call in its place: newest first. */
export function withCall(calls: readonly Call[], call: Call): readonly Call[] {
	return [call, ...calls.filter((other) => other.id !== call.id)]
		.sort((one, other) => other.began_at.localeCompare(one.began_at))
		.slice(0, KEPT);
}
