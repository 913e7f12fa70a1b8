/** The options page. */

import "@/styles/pages.css";
import { browser } from "wxt/browser";
import { signOf } from "@/lib/badge";
import { fill, h, part } from "@/lib/dom";
import { currentLanguage, type Words, wordsOf } from "@/lib/i18n";
import * as store from "@/lib/store";
import { connection } from "./connection";
import { languages, shortcut } from "./extras";
import type { Part } from "./part";
import { remembered, sites } from "./sites";

let parts: readonly Part[] = [];

async function make(): Promise<void> {
	const tongue = await currentLanguage();
	const words = wordsOf(tongue);
	document.documentElement.lang = tongue;
	document.title = words("options_title");
	parts = [standing, connection, sites, remembered, shortcut, languages].map((one) => one(words));
	fill(part("page"), ...parts.map((one) => one.element), h("p", { class: "soft" }, words("privacy_text")));
	await refresh();
}

async function refresh(): Promise<void> {
	await Promise.all(parts.map((one) => one.refresh()));
}

function standing(words: Words): Part {
	const sentence = h("p", { role: "status" });
	return {
		element: h("header", {}, h("h1", {}, words("options_title")), sentence),
		async refresh() {
			const [pairing, line] = await Promise.all([store.pairing.getValue(), store.line.getValue()]);
			sentence.textContent = signOf({ pairing, line, quiet: false, calls: [] }, words).sentence;
		},
	};
}

for (const item of [store.pairing, store.line, store.sites, store.confirmed]) item.watch(() => void refresh());
store.language.watch(() => void make());
browser.permissions.onAdded.addListener(() => void refresh());
browser.permissions.onRemoved.addListener(() => void refresh());
addEventListener("focus", () => void refresh());
await make();
