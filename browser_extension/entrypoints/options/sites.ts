/** Where the extension is present, where it looks for plain-text numbers, and who calls without a question. */

import { browser } from "wxt/browser";
import { patternOf, readSite } from "@/lib/address";
import { fill, h } from "@/lib/dom";
import type { Words } from "@/lib/i18n";
import { managedSites } from "@/lib/managed";
import { request } from "@/lib/requests";
import { siteName } from "@/lib/sites";
import * as store from "@/lib/store";
import { type Part, saying } from "./part";

export function sites(words: Words): Part {
	const told = saying();
	const table = h("div");
	const input = h("input", {
		id: "site",
		type: "text",
		inputmode: "url",
		spellcheck: "false",
		"aria-describedby": "site-hint",
	});

	const nameOf = (pattern: string) =>
		pattern === store.PIPEDRIVE
			? words("site_pipedrive")
			: pattern === store.ALL_SITES
				? words("site_all")
				: siteName(pattern);

	async function allow(pattern: string): Promise<void> {
		const allowed = await browser.permissions.request({ origins: [pattern] }).catch(() => false);
		if (!allowed) return told.say(words("site_not_allowed"), true);
		const wanted = await store.sites.getValue();
		const detection = wanted.some((site) => site.pattern === pattern && site.detection);
		await store.sites.setValue([...wanted.filter((site) => site.pattern !== pattern), { pattern, detection }]);
		input.value = "";
		told.say(words("site_added", { site: nameOf(pattern) }));
	}

	async function add(event: Event): Promise<void> {
		event.preventDefault();
		const pattern = readSite(input.value);
		if (pattern) return allow(pattern);
		input.focus();
		told.say(words("site_wrong"), true);
	}

	async function remove(pattern: string): Promise<void> {
		await request({ type: "removed", pattern });
		await store.sites.setValue((await store.sites.getValue()).filter((site) => site.pattern !== pattern));
		const address = (await store.pairing.getValue())?.address;
		// The connector's own address stays reachable.
		if (!address || pattern !== patternOf(address))
			await browser.permissions.remove({ origins: [pattern] }).catch(() => false);
		told.say(words("site_removed", { site: nameOf(pattern) }));
	}

	async function detect(pattern: string, on: boolean): Promise<void> {
		const changed = (await store.sites.getValue()).map((site) =>
			site.pattern === pattern ? { ...site, detection: on } : site,
		);
		await store.sites.setValue(changed);
		await request({ type: "detection", pattern, on });
	}

	async function row({ pattern, detection }: store.Site): Promise<HTMLElement> {
		const site = nameOf(pattern);
		const allowed = await browser.permissions.contains({ origins: [pattern] });
		return h(
			"tr",
			{},
			h("td", {}, site, pattern === store.PIPEDRIVE && h("div", { class: "soft" }, siteName(pattern))),
			h(
				"td",
				{},
				h(
					"label",
					{ class: "check" },
					h("input", {
						id: `detect-${pattern}`,
						type: "checkbox",
						checked: detection,
						"aria-label": words("detection_of", { site }),
						onchange: (event) => void detect(pattern, (event.target as HTMLInputElement).checked),
					}),
					h("span", { class: "narrow" }, words("detection_column")),
				),
			),
			h(
				"td",
				{},
				!allowed && deed("allow", "allow_site", site, () => allow(pattern)),
				pattern !== store.PIPEDRIVE && deed("remove", "remove_site", site, () => remove(pattern)),
			),
		);
	}

	function deed(
		key: "allow" | "remove",
		label: "allow_site" | "remove_site",
		site: string,
		act: () => Promise<void>,
	): HTMLElement {
		return h(
			"button",
			{ id: `${key}-${site}`, "aria-label": words(label, { site }), onclick: () => void act() },
			words(key),
		);
	}

	const allowAll = h("button", { type: "button", onclick: () => void allow(store.ALL_SITES) }, words("add_all"));
	const form = h(
		"form",
		{ novalidate: true, onsubmit: (event) => void add(event) },
		h("label", { for: "site" }, words("add_site_label")),
		h("div", { class: "row" }, input, h("button", { type: "submit" }, words("add")), allowAll),
		h("p", { id: "site-hint", class: "soft" }, words("add_site_hint")),
	);

	async function refresh(): Promise<void> {
		const wanted = await store.sites.getValue();
		const known = new Set(wanted.map((site) => site.pattern));
		allowAll.hidden = known.has(store.ALL_SITES);
		const rows = await Promise.all(wanted.map(row));
		list(rows);
		const proposed = (await managedSites()).filter((pattern) => !known.has(pattern));
		if (proposed.length) list([...rows, ...proposed.map(offer)]);
	}

	function offer(pattern: string): HTMLElement {
		const site = nameOf(pattern);
		return h(
			"tr",
			{},
			h("td", {}, site, h("div", { class: "soft" }, words("proposed"))),
			h("td"),
			h(
				"td",
				{},
				deed("allow", "allow_site", site, () => allow(pattern)),
			),
		);
	}

	function list(rows: readonly HTMLElement[]): void {
		const head = h(
			"tr",
			{},
			h("th", { scope: "col" }, words("site_column")),
			h("th", { scope: "col" }, words("detection_column")),
			h("td"),
		);
		fill(table, h("table", {}, h("thead", {}, head), h("tbody", {}, ...rows)));
	}

	const element = h(
		"section",
		{ "aria-labelledby": "sites" },
		h("h2", { id: "sites" }, words("sites_title")),
		h("p", { class: "soft" }, words("sites_text")),
		table,
		form,
		told.element,
	);
	return { element, refresh };
}

/** The origins other than Pipedrive that call without a question, to be forgotten one by one. */
export function remembered(words: Words): Part {
	const list = h("div");

	async function forget(origin: string): Promise<void> {
		await store.confirmed.setValue((await store.confirmed.getValue()).filter((other) => other !== origin));
	}

	async function refresh(): Promise<void> {
		const origins = await store.confirmed.getValue();
		const rows = origins.map((origin) => {
			const site = new URL(origin).host;
			const act = () => void forget(origin);
			return h(
				"tr",
				{},
				h("td", {}, site),
				h("td", {}, h("button", { "aria-label": words("forget_site", { site }), onclick: act }, words("forget"))),
			);
		});
		fill(list, rows.length ? h("table", {}, h("tbody", {}, ...rows)) : h("p", {}, words("remembered_none")));
	}

	const element = h(
		"section",
		{ "aria-labelledby": "remembered" },
		h("h2", { id: "remembered" }, words("remembered_title")),
		h("p", { class: "soft" }, words("remembered_text")),
		list,
	);
	return { element, refresh };
}
