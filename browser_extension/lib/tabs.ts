/** Opening a record in the Pipedrive tab that is there already. */

import { browser } from "wxt/browser";
import { isPipedrive, originOf } from "./address";

/** A tab as this needs it. Addresses are seen only where the extension may be. */
export interface Tab {
	readonly id?: number | undefined;
	readonly windowId?: number | undefined;
	readonly url?: string | undefined;
	readonly lastAccessed?: number | undefined;
}

/** Choose among Pipedrive's tabs: the one that shows the record, else the one used last. */
export function tabFor(link: string, tabs: readonly Tab[]): { tab: Tab; shows: boolean } | null {
	const page = pageOf(link);
	const dialog = new URL(link).hash;
	const latestFirst = [...tabs].sort((one, other) => (other.lastAccessed ?? 0) - (one.lastAccessed ?? 0));
	const shown = latestFirst.find(
		(tab) => tab.url && pageOf(tab.url) === page && (!dialog || new URL(tab.url).hash === dialog),
	);
	const tab = shown ?? latestFirst[0];
	return tab ? { tab, shows: Boolean(shown) } : null;
}

/** Open a link of the connector's, if it is one into Pipedrive; true when it was. */
export async function openRecord(link: string, hosts: readonly string[]): Promise<boolean> {
	const origin = originOf(link);
	if (!isPipedrive(origin, hosts)) return false;
	// A pattern knows no ports, so those of other ports are taken out.
	const tabs = (await browser.tabs.query({ url: `${new URL(origin).protocol}//${new URL(origin).hostname}/*` })).filter(
		(tab) => originOf(tab.url) === origin,
	);
	const found = tabFor(link, tabs);
	if (found?.tab.id === undefined) {
		await browser.tabs.create({ url: link });
		return true;
	}
	await browser.tabs.update(found.tab.id, found.shows ? { active: true } : { active: true, url: link });
	if (found.tab.windowId !== undefined) await browser.windows.update(found.tab.windowId, { focused: true });
	return true;
}

function pageOf(url: string): string {
	const { origin, pathname, search } = new URL(url);
	return origin + pathname.replace(/\/$/, "") + search;
}
