/** Clicks on phone links become calls; all else on the page goes its way. */

import { Hearing, isPlain, take } from "./hearing";
import { order, send } from "./ordering";
import { type PhoneLink, phoneLinkOf } from "./phone-link";

/** A press that has not been let go, to find the link again when the page drew it anew under the pointer. */
interface Press {
	readonly target: EventTarget | undefined;
	readonly number: string;
}

/** Listen on a window; the result ends it. */
export function listen(on: Window): () => void {
	const hearing = new Hearing(on);
	let press: Press | null = null;
	let over = false;

	hearing.hear("click", (event) => {
		press = null;
		const found = isPlain(event) && phoneLinkOf(event);
		if (!found) return;
		take(event);
		order(found.number, "link");
	});

	hearing.hear("mousedown", (event) => {
		const found = isPlain(event) ? phoneLinkOf(event) : null;
		press = found && { target: event.composedPath()[0], number: found.number };
	});

	hearing.hear("mouseup", (event) => {
		const pressed = press;
		press = null;
		// Browsers send no click when what was pressed is gone: the page drew the link anew in between.
		if (!pressed || !isPlain(event) || (pressed.target as Node).isConnected) return;
		if (phoneLinkOf(event)?.number === pressed.number) order(pressed.number, "link");
	});

	/** Say when the pointer or the focus comes to a phone link and leaves it: the browser's menu offers the call there. */
	const tell = (found: PhoneLink | null): void => {
		if (over === Boolean(found)) return;
		over = Boolean(found);
		send({ type: "over", phone: over });
	};
	if (import.meta.env.BROWSER !== "firefox") {
		hearing.hear("mouseover", (event) => tell(phoneLinkOf(event)));
		hearing.hear("focusin", (event) => tell(phoneLinkOf(event)));
		// Out of the frame, or away with the tab or the page: what comes next is not told here.
		hearing.hear("mouseout", (event) => event.relatedTarget || tell(null));
		document.addEventListener("visibilitychange", () => tell(null), { signal: hearing.signal });
	}
	return () => hearing.stop();
}
