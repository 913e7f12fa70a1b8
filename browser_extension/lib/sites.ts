/** Where the extension is present: Pipedrive and what its person allowed, registered with the browser. */

import { browser } from "wxt/browser";
import type { ScriptPublicPath } from "wxt/utils/inject-script";
import { forgetOutside } from "./asking";
import { PIPEDRIVE, type Site, sites } from "./store";

const LINKS = { id: "phone-links", file: "/phone-links.js" } as const;
const DETECTION = { id: "detection", file: "/detect.js", style: "/detect.css" } as const;

/** The match patterns of each script; pure. What the browser does not allow (any more) is left out. */
export function patternsOf(
	wanted: readonly Site[],
	allowed: ReadonlySet<string>,
): { links: string[]; detection: string[] } {
	const present = wanted.filter((site) => allowed.has(site.pattern));
	return {
		links: present.map((site) => site.pattern),
		detection: present.filter((site) => site.detection).map((site) => site.pattern),
	};
}

let turn: Promise<unknown> = Promise.resolve();

/** Register the scripts for the sites as they are wanted and allowed now, one change after the other. */
export function register(): Promise<void> {
	const next = turn.then(registerNow);
	turn = next.catch(() => undefined);
	return next;
}

async function registerNow(): Promise<void> {
	const { links, detection } = await currentPatterns();
	await forgetOutside(links);
	const registered = new Set((await browser.scripting.getRegisteredContentScripts()).map((script) => script.id));
	await settle(LINKS.id, registered, links, {
		js: [LINKS.file],
		allFrames: true,
		matchOriginAsFallback: true,
		runAt: "document_start",
	});
	await settle(DETECTION.id, registered, detection, {
		js: [DETECTION.file],
		css: [DETECTION.style],
		allFrames: true,
		runAt: "document_idle",
	});
}

/** Bring the scripts into pages that are open already: after installing, updating, and allowing a site. */
export async function reachOpenTabs(): Promise<void> {
	const { links, detection } = await currentPatterns();
	await Promise.all([inject(links, LINKS.file), inject(detection, DETECTION.file, DETECTION.style)]);
}

/** Switch detection of a site on or off in pages that are open; it stays on where another site asks for it. */
export async function tellOpenTabs(pattern: string, on: boolean): Promise<void> {
	if (on) return inject([pattern], DETECTION.file, DETECTION.style);
	await send({ type: "detection", on }, pattern, (await currentPatterns()).detection);
}

/** Stop all that runs in open pages of a site that is about to be removed; where another site covers a page it stays. */
export async function leaveOpenTabs(pattern: string): Promise<void> {
	await tellOpenTabs(pattern, false);
	await send({ type: "leave" }, pattern, (await currentPatterns()).links);
}

/** How a site is called in the list. */
export function siteName(pattern: string): string {
	return pattern.replace(/^(\*|https):\/\//, "").replace(/\/\*$/, "");
}

interface Script {
	readonly js: string[];
	readonly css?: string[];
	readonly allFrames: boolean;
	readonly matchOriginAsFallback?: boolean;
	readonly runAt: "document_start" | "document_idle";
}

async function settle(id: string, registered: ReadonlySet<string>, matches: string[], script: Script): Promise<void> {
	if (registered.has(id)) await browser.scripting.unregisterContentScripts({ ids: [id] });
	if (matches.length) await browser.scripting.registerContentScripts([{ ...script, id, matches }]);
}

async function currentPatterns(): Promise<ReturnType<typeof patternsOf>> {
	const wanted = await sites.getValue();
	const asked = await Promise.all(
		wanted.map(async ({ pattern }) => [pattern, await browser.permissions.contains({ origins: [pattern] })] as const),
	);
	const found = patternsOf(wanted, new Set(asked.filter(([, allowed]) => allowed).map(([pattern]) => pattern)));
	// Simulators on this machine stand for Pipedrive, in the build that tests use.
	if (import.meta.env.MODE === "loopback" && found.links.includes(PIPEDRIVE)) found.links.push("http://127.0.0.1/*");
	return found;
}

async function inject(patterns: string[], file: string, style?: string): Promise<void> {
	const tabs = await tabsAt(patterns);
	await Promise.all(
		tabs.map(async (id) => {
			const target = { tabId: id, allFrames: true };
			// A page of the browser's own, or one that just went, takes no script.
			if (style) await browser.scripting.insertCSS({ target, files: [style] }).catch(() => undefined);
			await browser.scripting.executeScript({ target, files: [file as ScriptPublicPath] }).catch(() => undefined);
		}),
	);
}

/** Tell our scripts in the tabs of a site, as far as none of the `other` patterns covers them too. */
async function send(message: object, pattern: string, others: readonly string[]): Promise<void> {
	const [tabs, kept] = await Promise.all([tabsAt([pattern]), tabsAt(others.filter((other) => other !== pattern))]);
	const left = tabs.filter((id) => !kept.includes(id));
	await Promise.all(left.map((id) => browser.tabs.sendMessage(id, message).catch(() => undefined)));
}

async function tabsAt(patterns: string[]): Promise<number[]> {
	// Without a pattern the browser would name all tabs.
	const tabs = patterns.length ? await browser.tabs.query({ url: patterns }) : [];
	return tabs.flatMap(({ id }) => id ?? []);
}
