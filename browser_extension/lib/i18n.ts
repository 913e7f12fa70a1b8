/** The extension's words in the language that its person chose, which may differ from the browser's. */

import { browser } from "wxt/browser";
import { type Language, language } from "./store";
import { en } from "./texts/en";
import { pl } from "./texts/pl";

export type Key = keyof typeof en;
export type Words = (key: Key, values?: Readonly<Record<string, string | number>>) => string;
export type Spoken = "en" | "pl";

const TEXTS: Record<Spoken, Record<Key, string>> = { en, pl };

/** The language that a choice means in a browser of `own` language, such as "pl-PL". */
export function spoken(choice: Language, own: string): Spoken {
	if (choice !== "auto") return choice;
	return own.toLowerCase().startsWith("pl") ? "pl" : "en";
}

/** The order in which a text has the forms of a word. Its last one is for all other counts, "other" (-1) among them. */
const FORMS: readonly Intl.LDMLPluralRule[] = ["one", "few", "many"];

/** Words of a language: `{name}` in a text becomes the value of that name, `{name|record|records}` the form for it. */
export function wordsOf(tongue: Spoken): Words {
	const rules = new Intl.PluralRules(tongue);
	return (key, values = {}) =>
		TEXTS[tongue][key].replace(/\{(\w+)(?:\|([^}]+))?\}/g, (whole, name: string, written?: string) => {
			if (!written) return String(values[name] ?? whole);
			const forms = written.split("|");
			const place = FORMS.indexOf(rules.select(Number(values[name])));
			return forms.at(Math.min(place, forms.length - 1)) ?? "";
		});
}

/** The language as it is set now. */
export async function currentLanguage(): Promise<Spoken> {
	return spoken(await language.getValue(), browser.i18n.getUILanguage());
}

/** The words as they are set now. */
export async function currentWords(): Promise<Words> {
	return wordsOf(await currentLanguage());
}
