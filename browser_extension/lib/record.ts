/** The Pipedrive record that a page shows, read from its address. Pure; whose page it is, the worker knows. */

import type { Entity, RecordRef } from "./orders";

/** Addresses of records: the vendor's own, and those seen in its single-page navigation. */
const PAGES: readonly (readonly [Entity, RegExp])[] = [
	["person", /^\/persons?\/(?:details\/)?(\d+)(?:\/|$)/],
	["organization", /^\/organizations?\/(?:details\/)?(\d+)(?:\/|$)/],
	["deal", /^\/deals?\/(?:details\/)?(\d+)(?:\/|$)/],
	["lead", /^\/leads\/(?:[a-z]+\/)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:\/|$)/i],
	["activity", /^\/activit(?:y|ies)\/(\d+)(?:\/|$)/],
];
/** A detail view that opened over a list or another record: /activities/list#dialog/activity/9. */
const DIALOG = /^#?\/?dialog\/(person|organization|deal|lead|activity)\/(\d+|[0-9a-f-]{36})(?![\w-])/;
/** A row opened beside the list of activities: /activities/list/user/1?selected=9&tab=activity. */
const ACTIVITY_LISTS = /^\/activities\/(?:list|calendar)(?:\/|$)/;

/** Read the record of an address such as https://acme.pipedrive.com/deal/5; null for any other page. */
export function recordOf(url: string): RecordRef | null {
	if (!URL.canParse(url)) return null;
	const { pathname, hash, searchParams } = new URL(url);
	const dialog = DIALOG.exec(hash);
	if (dialog) return { entity: dialog[1] as Entity, id: dialog[2] as string };
	for (const [entity, page] of PAGES) {
		const id = page.exec(pathname)?.[1];
		if (id) return { entity, id: entity === "lead" ? id.toLowerCase() : id };
	}
	const selected = ACTIVITY_LISTS.test(pathname) ? (searchParams.get("selected") ?? "") : "";
	return /^\d+$/.test(selected) ? { entity: "activity", id: selected } : null;
}
