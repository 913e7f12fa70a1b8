/** What the extension remembers: settings and the pairing on disk, calls (people's numbers) in memory only. */

import { storage } from "wxt/utils/storage";
import type { LineState } from "./line";
import type { Told } from "./notice";
import type { RecordRef, Source } from "./orders";
import type { Agent, Call } from "./wire";

/** The browser's bond with one agent; `revoked` once the connector said that the token no longer counts. */
export interface Pairing {
	/** The connector's origin, such as https://connector.example.com. */
	readonly address: string;
	readonly token: string;
	readonly agent: Agent;
	/** The name of the company in Pipedrive. */
	readonly company: string;
	/** Hosts that are Pipedrive's for this company, besides *.pipedrive.com. */
	readonly hosts: readonly string[];
	readonly revoked: boolean;
}

/** A site on which phone links dial, as a match pattern, and whether plain-text numbers are made links there. */
export interface Site {
	readonly pattern: string;
	readonly detection: boolean;
}

/** A dial that waits for its person to say whether this site may. */
export interface Asked {
	readonly id: string;
	/** "null" where the page has no origin of its own: it is asked for each time. */
	readonly origin: string;
	readonly host: string;
	readonly number: string;
	readonly record: RecordRef | null;
	readonly source: Source;
	readonly at: number;
	/** The window that asks. */
	readonly window: number | null;
}

export type Language = "auto" | "en" | "pl";

export const PIPEDRIVE = "https://*.pipedrive.com/*";
export const ALL_SITES = "*://*/*";

export const pairing = storage.defineItem<Pairing | null>("local:pairing", { fallback: null });
export const address = storage.defineItem<string>("local:address", { fallback: "" });
export const language = storage.defineItem<Language>("local:language", { fallback: "auto" });
export const sites = storage.defineItem<readonly Site[]>("local:sites", {
	fallback: [{ pattern: PIPEDRIVE, detection: false }],
});
/** Origins other than Pipedrive that may dial without a question. */
export const confirmed = storage.defineItem<readonly string[]>("local:confirmed", { fallback: [] });
/** Do not disturb: incoming calls are not announced. */
export const quiet = storage.defineItem<boolean>("local:quiet", { fallback: false });

export const line = storage.defineItem<LineState>("session:line", { fallback: "stopped" });
export const calls = storage.defineItem<readonly Call[]>("session:calls", { fallback: [] });
/** Per call what its notification last said. */
export const told = storage.defineItem<Readonly<Record<string, Told>>>("session:told", { fallback: {} });
/** Calls that were ordered from this browser. */
export const mine = storage.defineItem<readonly string[]>("session:mine", { fallback: [] });
export const asking = storage.defineItem<readonly Asked[]>("session:asking", { fallback: [] });
