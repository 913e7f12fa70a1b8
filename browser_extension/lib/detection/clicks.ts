/** A click on a number that was found is a call; selecting and copying it stay what they are. */

import { Hearing, isPlain, take } from "../page/hearing";
import { order } from "../page/ordering";
import { isSkipped } from "./blocks";
import type { Mark, Marks } from "./marks";

/** A second click within this time selects the number instead of calling it. */
const DOUBLE_CLICK_MS = 300;

/** Listen on a window; the result ends it. */
export function clicksOnMarks(on: Window, marks: Marks): Hearing {
	const hearing = new Hearing(on);
	const cursor = new Cursor();
	let waiting: ReturnType<typeof setTimeout> | undefined;

	const markAt = (event: MouseEvent): Mark | null => {
		const path = event.composedPath();
		const mark = marks.at(path[0], event.clientX, event.clientY);
		return mark && !isTaken(path) ? mark : null;
	};

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

/** Whether a click there does something else: the text became editable or a button since, of which no observer tells. */
function isTaken(path: readonly EventTarget[]): boolean {
	return (
		document.designMode === "on" ||
		path.some((one) => one instanceof Element && (isSkipped(one) || (one as HTMLElement).isContentEditable))
	);
}

/** The hand over a number: a highlight has no cursor of its own, so its element gets one while the pointer is there. */
class Cursor {
	#on: HTMLElement | null = null;
	#value = "";
	#priority = "";
	#hadStyle = false;

	over(element: HTMLElement): void {
		if (this.#on === element) return;
		this.leave();
		this.#on = element;
		this.#hadStyle = element.hasAttribute("style");
		this.#value = element.style.getPropertyValue("cursor");
		this.#priority = element.style.getPropertyPriority("cursor");
		element.style.setProperty("cursor", "pointer", "important");
	}

	/** Give the element back as it was, but for what the page changed meanwhile. */
	leave(): void {
		const style = this.#on?.style;
		if (this.#on && style?.getPropertyValue("cursor") === "pointer" && style.getPropertyPriority("cursor")) {
			// Without a value it goes.
			style.setProperty("cursor", this.#value, this.#priority);
			if (!this.#hadStyle && !style.length) this.#on.removeAttribute("style");
		}
		this.#on = null;
	}
}
