/** Clicks on phone links become calls; all else on the page goes its way. */

import { isAlive, order, send } from "./ordering";
import { type PhoneLink, phoneLinkOf } from "./phone-link";

/** A press that has not been let go, to find the link again when the page drew it anew under the pointer. */
interface Press {
	readonly target: EventTarget | undefined;
	readonly number: string;
}

const CAPTURE = { capture: true } as const;

/** Listen on a window until `stop` is called or the extension is gone. */
export function listen(on: Window): () => void {
	const listening = new AbortController();
	const stop = () => listening.abort();
	let press: Press | null = null;
	let over = false;

	/** Handle what a person did; what a script did is the script's, and a page without its extension is the browser's. */
	const hear = <Name extends keyof WindowEventMap>(name: Name, handle: (event: WindowEventMap[Name]) => void): void => {
		const heard = (event: WindowEventMap[Name]): void => {
			if (!isAlive()) stop();
			else if (event.isTrusted) handle(event);
		};
		on.addEventListener(name, heard, { ...CAPTURE, signal: listening.signal });
	};

	hear("click", (event) => {
		press = null;
		const found = isPlain(event) && phoneLinkOf(event);
		if (!found) return;
		event.preventDefault();
		event.stopImmediatePropagation();
		order(found.number, "link");
	});

	hear("mousedown", (event) => {
		const found = isPlain(event) ? phoneLinkOf(event) : null;
		press = found && { target: event.composedPath()[0], number: found.number };
	});

	hear("mouseup", (event) => {
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
		hear("mouseover", (event) => tell(phoneLinkOf(event)));
		hear("focusin", (event) => tell(phoneLinkOf(event)));
	}
	return stop;
}

/** The left button or the Enter key, without a modifier: others open windows, save, select. */
function isPlain(event: MouseEvent): boolean {
	return event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
}
