/** What the extension's own pages ask of the worker, and how a page's order is read. */

import { browser } from "wxt/browser";
import type { DialOrder, Entity, RecordRef, Source } from "./orders";
import type { Pairing } from "./store";

/** From the popup, the options page and the window that asks. */
export type Request =
	| { readonly type: "hurry" }
	| { readonly type: "paired"; readonly pairing: Pairing }
	| { readonly type: "disconnect" }
	| { readonly type: "redial"; readonly call: string }
	| { readonly type: "open"; readonly link: string }
	| { readonly type: "answer"; readonly id: string; readonly yes: boolean }
	| { readonly type: "detection"; readonly pattern: string; readonly on: boolean }
	| { readonly type: "removed"; readonly pattern: string };

/** Whether the connector could be told. */
export interface DisconnectAnswer {
	readonly told: boolean;
}

/** Ask the worker, which the browser starts when it was stopped. */
export function request<Answer = void>(message: Request): Promise<Answer> {
	return browser.runtime.sendMessage(message);
}

const ENTITIES: readonly Entity[] = ["person", "organization", "deal", "lead", "activity"];
const SOURCES: readonly Source[] = ["link", "menu", "shortcut", "detected"];

/** Read an order that came from a page; null for what is none. */
export function readOrder(message: unknown): DialOrder | null {
	if (typeof message !== "object" || message === null) return null;
	const { type, number, record, source } = message as Record<string, unknown>;
	const from = SOURCES.find((one) => one === source);
	if (type !== "dial" || typeof number !== "string" || !number.trim() || !from) return null;
	return { type, number: number.trim().slice(0, 200), record: readRecord(record), source: from };
}

function readRecord(value: unknown): RecordRef | null {
	if (typeof value !== "object" || value === null) return null;
	const { entity, id } = value as Record<string, unknown>;
	const known = ENTITIES.find((one) => one === entity);
	return known && typeof id === "string" && /^[\w-]{1,64}$/.test(id) ? { entity: known, id } : null;
}
