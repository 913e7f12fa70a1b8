/** The connector's messages (docs/realtime.md), read with suspicion: what is not as agreed is left out, never thrown. */

import type { CallState, Entity, Reason, RecordRef, Source } from "./orders";

export interface Candidate {
	readonly entity: "person" | "organization";
	readonly id: string;
	readonly name: string;
	readonly organization: string;
	readonly deal: { readonly id: string; readonly title: string } | null;
	readonly link: string;
}

/** A call as the connector tells it: always whole, times in ISO 8601 (UTC). */
export interface Call {
	readonly id: string;
	readonly direction: "in" | "out";
	readonly state: CallState;
	readonly reason: Reason | "";
	readonly number: string;
	readonly number_shown: string;
	readonly record: RecordRef | null;
	readonly candidates: readonly Candidate[];
	/** How many have the number besides those listed. */
	readonly others: number;
	/** Whether Pipedrive was searched for the number already. */
	readonly known: boolean;
	readonly new_person: string;
	readonly began_at: string;
	readonly answered_at: string | null;
	readonly ended_at: string | null;
	readonly duration_s: number | null;
	readonly link: string;
}

export interface Agent {
	readonly name: string;
	readonly login: string;
	readonly centre: string;
}

export interface Hello {
	readonly type: "hello";
	readonly agent: Agent;
	readonly company: string;
	readonly pipedrive: string;
	readonly pipedrive_hosts: readonly string[];
	readonly server: string;
	/** The connector's time. */
	readonly now: string | null;
}

export type Answer =
	| { readonly type: "dialled"; readonly id: string; readonly call: Call }
	| { readonly type: "refused"; readonly id: string; readonly reason: Reason };

export type ServerMessage =
	| Hello
	| Answer
	| { readonly type: "calls"; readonly calls: readonly Call[] }
	| { readonly type: "call"; readonly call: Call }
	| { readonly type: "ping" }
	| { readonly type: "bye"; readonly reason: string };

/** What the extension sends when somebody dials. */
export interface WireOrder {
	readonly type: "dial";
	readonly id: string;
	readonly number: string;
	readonly record: RecordRef | null;
	readonly source: Source;
}

const ENTITIES: readonly string[] = ["person", "organization", "deal", "lead", "activity"];
const STATES: readonly string[] = ["dialling", "ringing_you", "ringing_them", "in_call", "ended", "failed"];

type Fields = Readonly<Record<string, unknown>>;

const fields = (value: unknown): Fields | null =>
	typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : null;
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string =>
	typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
const time = (value: unknown): string | null => (typeof value === "string" && value ? value : null);

/** Read one message; null for what is no message or of a kind that this version does not know. */
export function readMessage(data: unknown): ServerMessage | null {
	const message = fields(typeof data === "string" ? parse(data) : data);
	if (!message) return null;
	switch (message.type) {
		case "hello":
			return readHello(message);
		case "calls":
			return {
				type: "calls",
				calls: list(message.calls)
					.map(readCall)
					.filter((call) => call !== null),
			};
		case "call": {
			const call = readCall(message.call);
			return call && { type: "call", call };
		}
		case "dialled": {
			const call = readCall(message.call);
			return call && { type: "dialled", id: text(message.id), call };
		}
		case "refused":
			return { type: "refused", id: text(message.id), reason: text(message.reason) as Reason };
		case "ping":
			return { type: "ping" };
		case "bye":
			return { type: "bye", reason: text(message.reason) };
		default:
			return null;
	}
}

/** Read who this extension speaks for, as hello and the answer to pairing tell it. */
export function readAgent(value: unknown): Agent {
	const agent = fields(value) ?? {};
	return { name: text(agent.name), login: text(agent.login), centre: text(agent.centre) };
}

function readHello(message: Fields): Hello {
	return {
		type: "hello",
		agent: readAgent(message.agent),
		company: text(message.company),
		pipedrive: text(message.pipedrive),
		pipedrive_hosts: list(message.pipedrive_hosts).map(text).filter(Boolean),
		server: text(message.server),
		now: time(message.now),
	};
}

function readCall(value: unknown): Call | null {
	const call = fields(value);
	if (!call || !text(call.id) || !STATES.includes(text(call.state))) return null;
	return {
		id: text(call.id),
		direction: call.direction === "in" ? "in" : "out",
		state: text(call.state) as CallState,
		reason: text(call.reason) as Reason | "",
		number: text(call.number),
		number_shown: text(call.number_shown) || text(call.number),
		record: readRecord(call.record),
		candidates: list(call.candidates)
			.map(readCandidate)
			.filter((candidate) => candidate !== null),
		others: typeof call.others === "number" && Number.isInteger(call.others) ? Math.max(0, call.others) : 0,
		known: call.known === true,
		new_person: text(call.new_person),
		began_at: text(call.began_at),
		answered_at: time(call.answered_at),
		ended_at: time(call.ended_at),
		duration_s: typeof call.duration_s === "number" ? call.duration_s : null,
		link: text(call.link),
	};
}

function readRecord(value: unknown): RecordRef | null {
	const record = fields(value);
	const entity = text(record?.entity);
	const id = text(record?.id);
	return ENTITIES.includes(entity) && id ? { entity: entity as Entity, id } : null;
}

function readCandidate(value: unknown): Candidate | null {
	const candidate = fields(value);
	if (!candidate || !text(candidate.id)) return null;
	const deal = fields(candidate.deal);
	return {
		entity: candidate.entity === "organization" ? "organization" : "person",
		id: text(candidate.id),
		name: text(candidate.name),
		organization: text(candidate.organization),
		deal: deal && { id: text(deal.id), title: text(deal.title) },
		link: text(candidate.link),
	};
}

function parse(data: string): unknown {
	try {
		return JSON.parse(data);
	} catch {
		return null;
	}
}
