/** The sign on the extension's button, and the sentence that says the same. */

import type { Words } from "./i18n";
import type { LineState } from "./line";
import type { Pairing } from "./store";
import type { Call } from "./wire";

export interface Standing {
	readonly pairing: Pairing | null;
	readonly line: LineState;
	readonly quiet: boolean;
	readonly calls: readonly Call[];
}

export interface Sign {
	readonly text: string;
	readonly colour: string;
	readonly sentence: string;
}

const BUSY = "#2a5ca8";
const ATTENTION = "#80540a";
const BROKEN = "#a8281f";
const PLAIN = "#56636a";

/** Say how things stand: one sentence, and up to two characters for the button. */
export function signOf({ pairing, line, quiet, calls }: Standing, words: Words): Sign {
	const sentence = sentenceOf(pairing, line, words);
	if (!pairing || pairing.revoked) return { text: "!", colour: BROKEN, sentence };
	if (line === "offline" || line === "too_many") return { text: "×", colour: BROKEN, sentence };
	if (line === "restarting") return { text: "…", colour: ATTENTION, sentence };
	if (calls.some(isLive)) return { text: "●", colour: BUSY, sentence };
	if (quiet) return { text: "–", colour: PLAIN, sentence: words("line_quiet") };
	return { text: "", colour: PLAIN, sentence };
}

/** Whether a call goes on. */
export function isLive(call: Call): boolean {
	return call.state !== "ended" && call.state !== "failed";
}

function sentenceOf(pairing: Pairing | null, line: LineState, words: Words): string {
	if (!pairing) return words("line_unpaired");
	if (pairing.revoked) return words("line_revoked");
	const values = { agent: pairing.agent.name || pairing.agent.login, host: new URL(pairing.address).host };
	return words(line === "stopped" ? "line_connecting" : `line_${line}`, values);
}
