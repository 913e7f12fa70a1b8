/** The question before a site's first call: asked in a window of the extension, which no page can press. */

import { browser } from "wxt/browser";
import { covers } from "./address";
import type { DialOrder } from "./orders";
import { type Asked, asking, confirmed } from "./store";

/** A question that nobody answered in this time is over. */
const OPEN_MS = 2 * 60_000;
const SIZE = { width: 440, height: 300 };

/** Whether an origin was answered with yes before; an origin of its own is needed for that. */
export async function mayDial(origin: string): Promise<boolean> {
	return origin !== "null" && (await confirmed.getValue()).includes(origin);
}

/** Forget the answers of origins that none of these match patterns covers: somebody took the extension away there. */
export async function forgetOutside(patterns: readonly string[]): Promise<void> {
	const origins = await confirmed.getValue();
	const kept = origins.filter((origin) => covers(patterns, `${origin}/`));
	if (kept.length < origins.length) await confirmed.setValue(kept);
}

/** Ask for a dial in a window of its own; a second click on the same number brings the first question forward. */
export async function ask(order: DialOrder, origin: string, host: string): Promise<void> {
	const open = (await asking.getValue()).filter((one) => !isOver(one));
	const same = open.find((one) => one.origin === origin && one.number === order.number);
	if (same && (await broughtForward(same))) return;
	const id = crypto.randomUUID();
	const url = browser.runtime.getURL(`/confirm.html#${id}`);
	const question: Asked = {
		id,
		origin,
		host,
		number: order.number,
		record: order.record,
		source: order.source,
		at: Date.now(),
		window: null,
	};
	const others = open.filter((one) => one !== same);
	await asking.setValue([...others, question]);
	const window = await browser.windows.create({ url, type: "popup", focused: true, ...SIZE });
	await asking.setValue([...others, { ...question, window: window?.id ?? null }]);
}

/** The question of an id, while it is open. */
export async function questionOf(id: string): Promise<Asked | null> {
	const question = (await asking.getValue()).find((one) => one.id === id);
	return question && !isOver(question) ? question : null;
}

/** Take the answer: the order to carry out, or null when it was no or too late. */
export async function answered(id: string, yes: boolean): Promise<DialOrder | null> {
	const question = await questionOf(id);
	await asking.setValue((await asking.getValue()).filter((one) => one.id !== id));
	if (!question || !yes) return null;
	if (question.origin !== "null" && !(await mayDial(question.origin))) {
		await confirmed.setValue([...(await confirmed.getValue()), question.origin]);
	}
	return { type: "dial", number: question.number, record: question.record, source: question.source };
}

const isOver = (question: Asked): boolean => Date.now() - question.at > OPEN_MS;

async function broughtForward({ window }: Asked): Promise<boolean> {
	if (window === null) return false;
	const updated = await browser.windows.update(window, { focused: true }).catch(() => null);
	return updated !== null;
}
