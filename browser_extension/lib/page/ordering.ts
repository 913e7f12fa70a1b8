/** Asking the worker for a call, once per number however often it is clicked. */

import { browser } from "wxt/browser";
import type { DialOrder, Source } from "../orders";
import { recordOf } from "../record";

/** A second click on the same number within this time is the same wish. */
export const SAME_WISH_MS = 2_000;

let last = { number: "", at: Number.NEGATIVE_INFINITY };

/** Whether the extension that runs this script is still there: not after it was updated or removed under the page. */
export function isAlive(): boolean {
	// Only the worker's side types it as always there.
	return Boolean((browser as typeof browser | undefined)?.runtime?.id);
}

/** Order a call to a number on this page. The worker says on the page what comes of it. */
export function order(number: string, source: Source, now = performance.now()): void {
	const again = last.number === number && now - last.at < SAME_WISH_MS;
	if (again) return;
	last = { number, at: now };
	send({ type: "dial", number, record: recordOf(location.href), source });
}

/** Tell the worker something; a worker that is gone hears nothing. */
export function send(message: DialOrder | { readonly type: "over"; readonly phone: boolean }): void {
	try {
		void browser.runtime.sendMessage(message).catch(() => undefined);
	} catch {
		// The extension went away between the question and the message.
	}
}
