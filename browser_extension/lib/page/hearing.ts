/** Listening to what a person does on a page, before the page does. */

import { isAlive } from "./ordering";

/** Hears events of a window until it is stopped or its extension is gone. */
export class Hearing {
	readonly #on: Window;
	readonly #listening = new AbortController();

	constructor(on: Window) {
		this.#on = on;
	}

	/** Aborted when nothing is heard any more. */
	get signal(): AbortSignal {
		return this.#listening.signal;
	}

	/** Handle what a person did; what a script did is the script's, and a page without its extension is the browser's. */
	hear<Name extends keyof WindowEventMap>(name: Name, handle: (event: WindowEventMap[Name]) => void): void {
		const heard = (event: WindowEventMap[Name]): void => {
			if (!isAlive()) this.stop();
			else if (event.isTrusted) handle(event);
		};
		this.#on.addEventListener(name, heard, { capture: true, signal: this.signal });
	}

	stop(): void {
		this.#listening.abort();
	}
}

/** The left button or the Enter key, without a modifier: others open windows, save, select. */
export function isPlain(event: MouseEvent): boolean {
	return event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
}

/** Keep the browser and the page from doing something else with it. */
export function take(event: Event): void {
	event.preventDefault();
	event.stopImmediatePropagation();
}
