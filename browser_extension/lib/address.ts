/** Addresses that people type and that pages have. */

import { MatchPattern } from "wxt/utils/match-patterns";

const LOCAL = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Read the connector's address as typed: its origin, or null for what is none. Plain http only to this machine. */
export function readAddress(typed: string): string | null {
	const text = typed.trim();
	const url = parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`);
	if (!url?.hostname || url.username || url.password) return null;
	if (url.protocol === "https:" || (url.protocol === "http:" && LOCAL.has(url.hostname))) return url.origin;
	return null;
}

/** Read a site as typed ("crm.example.com", "https://*.example.com/") as a match pattern; null for what is none. */
export function readSite(typed: string): string | null {
	const found = /^(?:(https?|\*):\/\/)?((?:\*\.)?[^/\s:*@]+)(?::\d+)?(?:\/.*)?$/i.exec(typed.trim());
	const host = found?.[2]?.toLowerCase();
	if (!host) return null;
	const bare = host.replace(/^\*\./, "");
	const url = parse(`https://${bare}`);
	if (url?.hostname !== bare || (!bare.includes(".") && !LOCAL.has(bare))) return null;
	return `${found?.[1]?.toLowerCase() ?? "https"}://${host}/*`;
}

/** The match pattern that covers an origin. Browsers know no ports there. */
export function patternOf(origin: string): string {
	const url = new URL(origin);
	return `${url.protocol}//${url.hostname}/*`;
}

/** Whether one of these match patterns covers a page. */
export function covers(patterns: readonly string[], url: string): boolean {
	return patterns.some((pattern) => new MatchPattern(pattern).includes(url));
}

/** The origin of a page's address; "null" for what has none of its own. */
export function originOf(url: string | undefined): string {
	const parsed = parse(url ?? "");
	return parsed && /^https?:$/.test(parsed.protocol) ? parsed.origin : "null";
}

/** Whether an origin is Pipedrive's: its own hosts, and those that the connector named. Plain http only on this machine. */
export function isPipedrive(origin: string, hosts: readonly string[]): boolean {
	const url = parse(origin);
	if (!url || (url.protocol !== "https:" && !LOCAL.has(url.hostname))) return false;
	return url.hostname.endsWith(".pipedrive.com") || hosts.includes(url.host);
}

function parse(text: string): URL | null {
	try {
		return new URL(text);
	} catch {
		return null;
	}
}
