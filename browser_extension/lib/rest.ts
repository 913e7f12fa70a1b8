/** Guarding a button against presses that were meant for what lay beneath it, or for nothing. */

/** Whoever reads a question presses nothing for so long. */
const REST_MS = 500;

/** Have a button work only once nothing was pressed on a window, and it neither came nor went, for a while. */
export function afterRest(button: HTMLButtonElement, on: Window = window): void {
	let waiting: ReturnType<typeof setTimeout>;
	const wait = (): void => {
		button.disabled = true;
		clearTimeout(waiting);
		waiting = setTimeout(() => {
			button.disabled = false;
		}, REST_MS);
	};
	const hurried = (): void => {
		if (button.disabled) wait();
	};
	// A page may have its person hammer on a key, or on a window of its own that it closes under the pointer.
	for (const name of ["focus", "blur"]) on.addEventListener(name, wait);
	for (const name of ["keydown", "pointerdown"]) on.addEventListener(name, hurried, { capture: true });
	wait();
}
