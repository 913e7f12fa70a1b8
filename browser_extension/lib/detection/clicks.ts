/** A click on a number that was found is a call; selecting and copying it stay what they are. */

import { Hearing, isPlain, take } from "../page/hearing";
import { order } from "../page/ordering";
import type { Marks } from "./marks";

/** A second click within this time selects the number instead of calling it. */
const DOUBLE_CLICK_MS = 300;

/** Listen on a window; the result ends it. */
export function clicksOnMarks(on: Window, marks: Marks): Hearing {
	const hearing = new Hearing(on);
	const cursor = new Cursor();
	let waiting: ReturnType<typeof setTimeout> | undefined;

	const markAt = (event: MouseEvent) => marks.at(event.composedPath()[0], event.clientX, event.clientY);

	hearing.hear("click", (event) => {
		clearTimeout(waiting);
		// Who drags over a number, or clicks it twice, selects it.
		if (!isPlain(event) || event.detail !== 1 || String(getSelection() ?? "")) return;
		const mark = markAt(event);
		if (!mark) return;
		take(event);
		waiting = setTimeout(() => order(mark.number, "detected"), DOUBLE_CLICK_MS);
	});
	hearing.hear("mousemove", (event) => {
		const target = event.composedPath()[0];
		if (event.buttons || !markAt(event)) cursor.leave();
		else if (target instanceof HTMLElement) cursor.over(target);
	});
	hearing.signal.addEventListener("abort", () => {
		clearTimeout(waiting);
		cursor.leave();
	});
	return hearing;
}

/** The hand over a number: a highlight has no cursor of its own, so its element gets one while the pointer is there. */
class Cursor {
	#on: HTMLElement | null = null;
	#before: string | null = null;

	over(element: HTMLElement): void {
		if (this.#on === element) return;
		this.leave();
		this.#on = element;
		this.#before = element.getAttribute("style");
		element.style.setProperty("cursor", "pointer", "important");
	}

	/** Give the element back as it was. */
	leave(): void {
		if (!this.#on) return;
		if (this.#before === null) this.#on.removeAttribute("style");
		else this.#on.setAttribute("style", this.#before);
		this.#on = null;
	}
}
