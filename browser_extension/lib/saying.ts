/** What the worker says on a page about a call that was ordered there. */

import { browser } from "wxt/browser";
import { currentWords } from "./i18n";
import { reasonInWords } from "./notice";
import type { DialAnswer } from "./orders";

/** Shown as a toast by the page's script. */
export interface Saying {
	readonly type: "say";
	readonly text: string;
	/** It failed: shown longer, and read out at once. */
	readonly bad: boolean;
}

/** A page, and the frame of it from which the call was ordered. */
export interface Place {
	readonly tab: number | undefined;
	readonly frame: number | undefined;
}

/** A connector that answers sooner is not preceded by "calling". */
const PATIENCE_MS = 150;

/** Say that a number is called, and then what came of it. */
export async function sayAsItGoes(place: Place, number: string, answer: Promise<DialAnswer>): Promise<void> {
	const words = await currentWords();
	const who = number.replace(/;ext=.*/, "");
	const waited = new Promise<null>((resolve) => setTimeout(resolve, PATIENCE_MS, null));
	if ((await Promise.race([answer, waited])) === null) await say(place, words("calling", { who }), false);
	const came = await answer;
	if (!came.ok) return say(place, `${words("not_called", { who })}. ${reasonInWords(came.reason, words)}`, true);
	// A window of the extension asks: it speaks for itself.
	if (came.state === "asking") return;
	const next = came.state === "dialling" ? words("ordering") : words("pick_up");
	return say(place, `${words("calling", { who })}. ${next}`, false);
}

/** Show a text in the tab: in its top frame, or where that takes no messages, in the frame itself. */
export async function say({ tab, frame = 0 }: Place, text: string, bad: boolean): Promise<void> {
	if (tab === undefined) return;
	const saying: Saying = { type: "say", text, bad };
	for (const frameId of new Set([0, frame])) {
		const heard = await browser.tabs.sendMessage(tab, saying, { frameId }).then(
			() => true,
			() => false,
		);
		if (heard) return;
	}
}
