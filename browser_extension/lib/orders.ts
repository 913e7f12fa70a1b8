/** What a page asks of the worker, and what it is told: the only words the two share. */

export type Entity = "person" | "organization" | "deal" | "lead" | "activity";

/** A record in Pipedrive, as its page's address names it. */
export interface RecordRef {
	readonly entity: Entity;
	readonly id: string;
}

/** Where somebody asked for the call. */
export type Source = "link" | "menu" | "shortcut" | "popup" | "detected";

/** Ring the agent's phone and then `number`, which is as the page wrote it. */
export interface DialOrder {
	readonly type: "dial";
	readonly number: string;
	readonly record: RecordRef | null;
	readonly source: Source;
}

/** States of a call: the connector's, and "asking" while a window asks whether this site may dial. */
export type CallState = "dialling" | "ringing_you" | "ringing_them" | "in_call" | "ended" | "failed";

/** Why a call failed or how it ended: the connector's codes, and two of our own. */
export type Reason =
	| "agent_offline"
	| "no_campaign"
	| "number_refused"
	| "number_invalid"
	| "number_premium"
	| "number_internal"
	| "number_emergency"
	| "too_often"
	| "centre_down"
	| "centre_refused"
	| "no_right"
	| "unknown"
	| "not_switched_on"
	| "answered"
	| "taken"
	| "no_answer"
	| "busy"
	| "failed"
	| "not_paired"
	| "unreachable";

export type DialAnswer =
	| { readonly ok: true; readonly state: CallState | "asking" }
	| { readonly ok: false; readonly reason: Reason };
