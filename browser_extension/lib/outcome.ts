/** A past or live call in one line: how it went and when. */

import type { Words } from "./i18n";
import { reasonInWords } from "./notice";
import type { Call } from "./wire";

export interface CallLine {
	readonly outcome: string;
	readonly when: string;
	/** Something for the agent to deal with. */
	readonly grave: boolean;
}

/** Say how a call went, in the language `tongue`; `now` decides whether the day is named. */
export function callLine(call: Call, tongue: string, words: Words, now: Date = new Date()): CallLine {
	return { outcome: outcomeOf(call, words), when: whenOf(call.began_at, tongue, now), grave: call.state === "failed" };
}

function outcomeOf(call: Call, words: Words): string {
	switch (call.state) {
		case "failed":
			return `${words("state_failed")}: ${reasonInWords(call.reason, words)}`;
		case "ended": {
			if (call.direction === "in" && call.reason === "no_answer") return words("missed");
			const how = call.reason === "unknown" ? words("state_ended") : reasonInWords(call.reason, words, "state_ended");
			return call.reason === "answered" && call.duration_s !== null ? `${how} ${clock(call.duration_s)}` : how;
		}
		case "dialling":
		case "ringing_you":
		case "ringing_them":
		case "in_call":
			return words(`state_${call.state}`);
	}
}

/** Whole seconds as minutes and seconds. */
function clock(seconds: number): string {
	const whole = Math.max(0, Math.round(seconds));
	return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function whenOf(moment: string, tongue: string, now: Date): string {
	const began = new Date(moment);
	if (Number.isNaN(began.getTime())) return "";
	const today = began.toDateString() === now.toDateString();
	return new Intl.DateTimeFormat(tongue === "en" ? "en-GB" : tongue, {
		...(today ? {} : { day: "numeric", month: "short" }),
		hour: "2-digit",
		minute: "2-digit",
	}).format(began);
}
