/** A part of the options page: made once per language, brought up to date when something changes. */

import { h } from "@/lib/dom";

export interface Part {
	readonly element: HTMLElement;
	refresh(): Promise<void>;
}

/** A sentence that screen readers speak when it changes. */
export function saying(): { element: HTMLElement; say(sentence: string, grave?: boolean): void } {
	const element = h("p", { role: "status" });
	return {
		element,
		say(sentence, grave = false) {
			element.className = grave ? "broken" : "";
			element.textContent = sentence;
		},
	};
}
