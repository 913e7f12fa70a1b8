/** The keyboard shortcut: call the number that is selected on the page, whichever frame it is in. */

import { type Browser, browser } from "wxt/browser";
import { currentWords } from "./i18n";
import type { Dial } from "./menu";
import { say, sayAsItGoes } from "./saying";
import { numberFromSelection } from "./selected";

export const COMMAND = "dial-selection";

/** Listen to the shortcut; to be called as the worker starts, for the browser starts it to tell of the keys. */
export function startShortcut(dial: Dial): void {
	browser.commands.onCommand.addListener((command, tab) => {
		if (command === COMMAND) void dialSelection(tab, dial);
	});
}

async function dialSelection(pressed: Browser.tabs.Tab | undefined, dial: Dial): Promise<void> {
	const tab = pressed ?? (await browser.tabs.query({ active: true, lastFocusedWindow: true }))[0];
	if (tab?.id === undefined) return;
	const { text, frame } = await selectionIn(tab.id);
	const place = { tab: tab.id, frame };
	const found = numberFromSelection(text);
	if (typeof found === "string") {
		const words = await currentWords();
		return say(place, words(found === "several" ? "several_selected" : "nothing_selected"), true);
	}
	const { number } = found;
	return sayAsItGoes(place, number, dial({ type: "dial", number, record: null, source: "shortcut" }, tab));
}

/** The selection of the frame that has the focus, else of any frame that the extension may see. */
async function selectionIn(tabId: number): Promise<{ text: string; frame: number }> {
	const target = { tabId, allFrames: true };
	// Pages of the browser's own let nobody in.
	const frames = await browser.scripting.executeScript({ target, func: readSelection }).catch(() => []);
	const selections = frames.flatMap(({ result, frameId: frame }) =>
		result?.text.trim() ? [{ ...result, frame }] : [],
	);
	return selections.find((one) => one.focused) ?? selections[0] ?? { text: "", frame: 0 };
}

/** Runs in the page, so it stands alone: what is selected there, in a field or in open shadow roots too. */
export function readSelection(): { text: string; focused: boolean } {
	let active = document.activeElement;
	while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
	const field =
		active instanceof HTMLTextAreaElement || (active instanceof HTMLInputElement && active.type !== "password")
			? active
			: null;
	const inField = field?.value.slice(field.selectionStart ?? 0, field.selectionEnd ?? 0);
	const focused = document.hasFocus() && !(active instanceof HTMLIFrameElement);
	return { text: inField || String(document.getSelection() ?? ""), focused };
}
