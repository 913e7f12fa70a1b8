/** The browser's own menu on phone links and on selected numbers. */

import { type Browser, browser } from "wxt/browser";
import { numberFromHref } from "./href";
import { currentWords } from "./i18n";
import type { DialAnswer, DialOrder } from "./orders";
import { say, sayAsItGoes } from "./saying";
import { numberFromSelection } from "./selected";

/** Order a call that somebody asked for in the browser's interface, so nobody needs to be asked
 * whether the site may. The record is the one on the tab's page. */
export type Dial = (order: DialOrder, tab: Browser.tabs.Tab | undefined) => Promise<DialAnswer>;

const LINK = "link";
const SELECTION = "selection";

/** Listen to the menu; to be called as the worker starts, for the browser starts it to tell of a click. */
export function startMenu(dial: Dial): void {
	browser.contextMenus.onClicked.addListener((info, tab) => void chosen(info, tab, dial));
	browser.runtime.onMessage.addListener((message: unknown) => {
		if (isOver(message)) void browser.contextMenus.update(LINK, { visible: message.phone }).catch(() => undefined);
	});
}

/** Put the entries there, in the language that is set now. The browser keeps them when the worker stops. */
export async function showMenu(): Promise<void> {
	const words = await currentWords();
	await browser.contextMenus.removeAll();
	browser.contextMenus.create({ id: SELECTION, title: words("menu_selection"), contexts: ["selection"] });
	browser.contextMenus.create({
		id: LINK,
		title: words("menu_link"),
		contexts: ["link"],
		// Chrome knows no patterns for tel:. There the page says when the pointer is over a phone link.
		...(import.meta.env.BROWSER === "firefox" ? { targetUrlPatterns: ["tel:*", "callto:*"] } : { visible: false }),
	});
}

async function chosen(
	info: Browser.contextMenus.OnClickData,
	tab: Browser.tabs.Tab | undefined,
	dial: Dial,
): Promise<void> {
	const place = { tab: tab?.id, frame: info.frameId };
	const linked = info.linkUrl ? numberFromHref(info.linkUrl) : null;
	const found = linked ? { number: linked } : numberFromSelection(info.selectionText ?? "");
	if (typeof found === "string") {
		const words = await currentWords();
		return say(place, words(found === "several" ? "several_selected" : "no_number_there"), true);
	}
	const { number } = found;
	return sayAsItGoes(place, number, dial({ type: "dial", number, record: null, source: "menu" }, tab));
}

function isOver(message: unknown): message is { readonly phone: boolean } {
	const { type, phone } = (message ?? {}) as Record<string, unknown>;
	return type === "over" && typeof phone === "boolean";
}
