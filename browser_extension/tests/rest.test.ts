// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { afterRest } from "@/lib/rest";

let button: HTMLButtonElement;

beforeEach(() => {
	vi.useFakeTimers();
	button = document.createElement("button");
	afterRest(button);
});

afterEach(() => vi.useRealTimers());

test("a button works once nothing was pressed for a while", () => {
	expect(button.disabled).toBe(true);
	vi.advanceTimersByTime(500);
	expect(button.disabled).toBe(false);
});

test("who hammers on a key, or with the pointer, presses nothing", () => {
	for (const name of ["keydown", "pointerdown", "keydown", "pointerdown", "keydown"]) {
		vi.advanceTimersByTime(300);
		expect(button.disabled).toBe(true);
		window.dispatchEvent(new Event(name));
	}
	vi.advanceTimersByTime(500);
	window.dispatchEvent(new Event("keydown"));
	expect(button.disabled).toBe(false);
});

test("what lay over a window and went was not meant for the button", () => {
	vi.advanceTimersByTime(500);
	window.dispatchEvent(new Event("focus"));
	expect(button.disabled).toBe(true);
});
