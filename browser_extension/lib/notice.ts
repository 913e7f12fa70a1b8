/** What a notification says about a call, and whether one is due: pure, the browser is in notifying.ts. */

import type { Key, Words } from "./i18n";
import type { CallState, Reason } from "./orders";
import type { Call, Candidate } from "./wire";

export interface Notice {
	readonly title: string;
	readonly message: string;
	/** Stays until it is dealt with. */
	readonly sticky: boolean;
	/** Makes no sound, and is not shown where the one before was closed. */
	readonly quietly: boolean;
	/** The first candidates, where there are several. */
	readonly choices: readonly string[];
}

/** What was last shown of a call. The state is the news; the same in other words is none. */
export interface Told {
	readonly state: CallState;
	/** Whose the number is was known by then. */
	readonly known: boolean;
	readonly said: string;
	/** Its person closed it. */
	readonly closed: boolean;
}

/** An incoming call that began longer ago is no news. */
const NEWS_MS = 5 * 60_000;
const NAMED = 4;

/** What to do: show a notice (anew, or only in the place of one that stands), take it away, or nothing. */
export type Due = { readonly show: Notice; readonly told: Told; readonly anew: boolean } | "clear" | null;

export interface Before {
	/** What was last shown for this call: undefined for never. */
	readonly told: Told | undefined;
	/** Ordered from this browser. */
	readonly mine: boolean;
	/** Do not disturb. */
	readonly quiet: boolean;
	/** The time by the connector's clock, as its calls have it. */
	readonly now: number;
}

/** Decide what a change of a call means for its notification. */
export function due(call: Call, before: Before, words: Words): Due {
	const { told } = before;
	const away = told && !told.closed ? "clear" : null;
	const over = call.state === "ended" || call.state === "failed";
	if (call.direction === "in" && before.quiet) return away;
	if (call.direction === "in" && !told && (over || isOld(call, before.now))) return null;
	if (call.direction === "out" && !before.mine) return null;
	const notice = call.direction === "in" ? incoming(call, words) : outgoing(call, words);
	if (!notice) return away;
	const { state, known } = call;
	const said = `${notice.title}\n${notice.message}`;
	const what = { show: notice, told: { state, known, said, closed: false } };
	if (state !== told?.state) return told?.closed && notice.quietly ? null : { ...what, anew: true };
	// A connector repeats what it told. One that was started anew has no names for a while: those that stand are better.
	const better = said !== told.said && (known || !told.known);
	return better && !told.closed ? { ...what, anew: false } : null;
}

/** Whom a call is with: a name where exactly one is known, else the number. */
export function whoIs(call: Call, words: Words): string {
	const only = call.candidates.length === 1 ? call.candidates[0]?.name : "";
	return only || call.number_shown || words("hidden");
}

/** A reason in words; of one that this version does not know, `otherwise` is said: of a failure its consequence. */
export function reasonInWords(reason: Reason | "", words: Words, otherwise: Key = "centre_refused"): string {
	return words(REASONS.has(reason) ? (reason as Key) : otherwise);
}

const REASONS: ReadonlySet<string> = new Set<Reason>([
	"agent_offline",
	"no_campaign",
	"number_refused",
	"number_invalid",
	"number_premium",
	"number_internal",
	"number_emergency",
	"too_often",
	"centre_down",
	"centre_refused",
	"no_right",
	"unknown",
	"not_switched_on",
	"answered",
	"taken",
	"no_answer",
	"busy",
	"failed",
	"not_paired",
	"unreachable",
]);

function incoming(call: Call, words: Words): Notice | null {
	const who = whoIs(call, words);
	const several = call.candidates.length > 1;
	const choices = several ? call.candidates.slice(0, 2).map((one) => one.name) : [];
	const message = callersInWords(call, words);
	switch (call.state) {
		case "in_call":
			return { title: words("in_call_with", { who }), message, sticky: false, quietly: true, choices };
		case "ended":
			if (call.reason !== "no_answer") return null;
			return { title: words("missed_call", { who }), message, sticky: false, quietly: false, choices };
		case "failed":
			return null;
		default: {
			const title = call.number ? words("call_from", { who }) : words("incoming");
			return { title, message, sticky: true, quietly: false, choices };
		}
	}
}

/** Who may be calling, one line each. */
function callersInWords(call: Call, words: Words): string {
	if (!call.number) return words("hidden_number");
	if (!call.known) return words("not_said_yet", { number: call.number_shown });
	const [first, ...others] = call.candidates;
	// Of an ignored number or a colleague's Pipedrive was not asked: whether it has them nobody knows.
	if (!first) return call.new_person ? words("new_person") : call.number_shown;
	if (!others.length) return [aboutInWords(first, words), call.number_shown].filter(Boolean).join("\n");
	const count = call.candidates.length + call.others;
	const rest = count - Math.min(NAMED, call.candidates.length);
	return [
		words("several", { count }),
		...call.candidates.slice(0, NAMED).map((one) => [one.name, one.organization].filter(Boolean).join(" · ")),
		...(rest > 0 ? [words("and_more", { count: rest })] : []),
	].join("\n");
}

/** What belongs to a name: organization and open deal. */
export function aboutInWords(candidate: Candidate, words: Words): string {
	const deal = candidate.deal && words("open_deal", { title: candidate.deal.title });
	return [candidate.organization, deal].filter(Boolean).join(" · ");
}

function outgoing(call: Call, words: Words): Notice | null {
	const who = whoIs(call, words);
	const step = (title: string, message: string): Notice => ({
		title,
		message,
		sticky: false,
		quietly: true,
		choices: [],
	});
	const end = (title: string, message: string): Notice => ({ ...step(title, message), quietly: false });
	switch (call.state) {
		case "dialling":
			return step(words("calling", { who }), words("ordering"));
		case "ringing_you":
			return step(words("pick_up"), words("pick_up_then", { who }));
		case "ringing_them":
			return step(words("calling", { who }), words("their_phone_rings"));
		case "in_call":
			return step(words("in_call_with", { who }), call.number_shown);
		case "failed":
			return end(words("not_called", { who }), reasonInWords(call.reason, words));
		case "ended":
			if (call.reason === "no_answer") return end(words("no_answer_from", { who }), call.number_shown);
			if (call.reason === "busy") return end(words("busy_line", { who }), call.number_shown);
			if (call.reason === "failed") return end(words("call_failed", { who }), call.number_shown);
			return null;
		default:
			return null;
	}
}

function isOld(call: Call, now: number): boolean {
	const began = Date.parse(call.began_at);
	return Number.isFinite(began) && now - began > NEWS_MS;
}
