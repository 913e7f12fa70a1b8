/** Keyboard shortcut and language. */

import { browser } from "wxt/browser";
import { fill, h } from "@/lib/dom";
import type { Words } from "@/lib/i18n";
import { type Language, language } from "@/lib/store";
import type { Part } from "./part";

const COMMAND = "dial-selection";

export function shortcut(words: Words): Part {
	const sentence = h("p");

	async function refresh(): Promise<void> {
		const command = (await browser.commands.getAll()).find((one) => one.name === COMMAND);
		const keys = command?.shortcut;
		if (!keys) return fill(sentence, words("shortcut_none"));
		const [before = "", after = ""] = words("shortcut_text", { keys: "\u0000" }).split("\u0000");
		fill(sentence, before, h("kbd", {}, keys), after);
	}

	const element = h(
		"section",
		{ "aria-labelledby": "shortcut" },
		h("h2", { id: "shortcut" }, words("shortcut_title")),
		sentence,
		h("div", { class: "row" }, h("button", { onclick: () => void changeKeys() }, words("shortcut_change"))),
	);
	return { element, refresh };
}

export function languages(words: Words): Part {
	const names: Record<Language, string> = { auto: words("language_auto"), en: "English", pl: "Polski" };
	const choice = h(
		"select",
		{
			id: "language",
			"aria-labelledby": "language-title",
			onchange: (event) => void language.setValue((event.target as HTMLSelectElement).value as Language),
		},
		...Object.entries(names).map(([value, name]) => h("option", { value }, name)),
	);

	const element = h(
		"section",
		{ "aria-labelledby": "language-title" },
		h("h2", { id: "language-title" }, words("language_title")),
		h("div", { class: "row" }, choice),
	);
	return {
		element,
		async refresh() {
			choice.value = await language.getValue();
		},
	};
}

/** Both browsers keep the keys on a page of their own. */
async function changeKeys(): Promise<void> {
	const { openShortcutSettings } = browser.commands as { openShortcutSettings?: () => Promise<void> };
	if (openShortcutSettings) await openShortcutSettings();
	else await browser.tabs.create({ url: "chrome://extensions/shortcuts" });
}
