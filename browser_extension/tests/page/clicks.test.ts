// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { browser } from "wxt/browser";
import { fakeBrowser } from "wxt/testing/fake-browser";
import { listen } from "@/lib/page/clicks";
import { phoneLinkOf } from "@/lib/page/phone-link";

/** What the worker heard. */
let heard: unknown[] = [];
let stop = () => {};
/** Each test calls a number of its own, for a number called a moment ago is not called again. */
let count = 0;
let number = "";

beforeEach(() => {
	fakeBrowser.reset();
	heard = [];
	browser.runtime.onMessage.addListener((message: unknown) => {
		heard.push(message);
		return undefined;
	});
	number = `+4860100${String(++count).padStart(4, "0")}`;
	document.body.innerHTML = "";
	stop = listen(trusting(window));
});

afterEach(() => {
	stop();
	vi.restoreAllMocks();
});

/** A window whose events come from a person: no script can make such, so tests say so for jsdom. */
function trusting(real: Window): Window {
	return {
		addEventListener(name: string, handle: (event: Event) => void, options: AddEventListenerOptions) {
			const heardTrusted = (event: Event) => {
				const byPerson = new Proxy(event, {
					get(target, key) {
						if (key === "isTrusted") return !target.type.startsWith("script:");
						const value = Reflect.get(target, key);
						return typeof value === "function" ? value.bind(target) : value;
					},
				});
				handle(byPerson);
			};
			real.addEventListener(name, heardTrusted, options);
		},
	} as unknown as Window;
}

function put(html: string): HTMLElement {
	document.body.innerHTML = html;
	return document.body.querySelector("[data-here]") as HTMLElement;
}

function click(on: Element, how: MouseEventInit = {}): MouseEvent {
	const event = new MouseEvent("click", { bubbles: true, cancelable: true, composed: true, ...how });
	on.dispatchEvent(event);
	return event;
}

const dials = () => heard.filter((message) => (message as { type: string }).type === "dial");

describe("a click on a phone link", () => {
	it("orders a call and goes nowhere", () => {
		const event = click(put(`<a href="tel:${number}" data-here>Call</a>`));
		expect(event.defaultPrevented).toBe(true);
		expect(dials()).toEqual([{ type: "dial", number, record: null, source: "link" }]);
	});

	it("counts on what is inside the link", () => {
		click(put(`<a href="tel:${number}"><b><i data-here>Call</i></b></a>`));
		expect(dials()).toHaveLength(1);
	});

	it("counts in an open shadow root", () => {
		const root = put("<div data-here></div>").attachShadow({ mode: "open" });
		root.innerHTML = `<a href="tel:${number}"><span>Call</span></a>`;
		click(root.querySelector("span") as Element);
		expect(dials()).toHaveLength(1);
	});

	it.each([
		["href", (svg: string) => `<svg><a href="tel:${svg}"><text data-here>Call</text></a></svg>`],
		["xlink:href", (svg: string) => `<svg><a xlink:href="tel:${svg}"><text data-here>Call</text></a></svg>`],
	])("counts in SVG with %s", (_, draw) => {
		click(put(draw(number)));
		expect(dials()).toHaveLength(1);
	});

	it("counts on an area of an image map", () => {
		click(put(`<map name="m"><area href="callto:${number}" data-here></map>`));
		expect(dials()).toHaveLength(1);
	});

	it("keeps the page's own handlers of the link from calling too", () => {
		const link = put(`<div><a href="tel:${number}" data-here>Call</a></div>`);
		const own = vi.fn();
		link.addEventListener("click", own);
		link.parentElement?.addEventListener("click", own);
		click(link);
		expect(own).not.toHaveBeenCalled();
	});

	it("calls once when it comes twice", () => {
		const link = put(`<a href="tel:${number}" data-here>Call</a>`);
		click(link);
		expect(click(link).defaultPrevented).toBe(true);
		expect(dials()).toHaveLength(1);
	});

	it("calls again after two seconds, and another number at once", () => {
		const now = vi.spyOn(performance, "now").mockReturnValue(10_000_000 + count * 10_000);
		const link = put(`<a href="tel:${number}" data-here>Call</a>`);
		click(link);
		click(put(`<a href="tel:${number}9" data-here>Call</a>`));
		now.mockReturnValue(10_000_000 + count * 10_000 + 2_001);
		click(put(`<a href="tel:${number}9" data-here>Call</a>`));
		expect(dials()).toHaveLength(3);
	});
});

describe("left alone", () => {
	const untouched = (on: Element, how?: MouseEventInit) => {
		expect(click(on, how).defaultPrevented).toBe(false);
		expect(dials()).toEqual([]);
	};

	it.each([{ ctrlKey: true }, { metaKey: true }, { shiftKey: true }, { altKey: true }, { button: 1 }])(
		"is a click with %o",
		(how) => untouched(put(`<a href="tel:${number}" data-here>Call</a>`), how),
	);

	it.each(["callto:jan.kowalski", "tel:", "#tel:601000001", "sms:601000001"])("is a link to %s", (href) =>
		untouched(put(`<a href="${href}" data-here>x</a>`)),
	);

	it("is a link without an address", () => untouched(put("<a data-here>601 000 001</a>")));

	it("is another link that stands in a phone link's place", () =>
		untouched(put(`<a href="tel:${number}"><svg><a href="#x"><text data-here>x</text></a></svg></a>`)));

	it("is a link in text that is being edited", () => {
		const link = put(`<div contenteditable="true"><a href="tel:${number}" data-here>Call</a></div>`);
		// jsdom knows no editing.
		Object.defineProperty(link, "isContentEditable", { value: true });
		untouched(link);
	});

	it("is everything once the extension was updated under the page, for good", () => {
		const link = put(`<a href="tel:${number}" data-here>Call</a>`);
		const { runtime } = browser;
		const gone = vi.spyOn(runtime, "id", "get").mockReturnValue(undefined as unknown as string);
		untouched(link);
		gone.mockRestore();
		untouched(link);
	});

	it("is a click after it was stopped", () => {
		stop();
		untouched(put(`<a href="tel:${number}" data-here>Call</a>`));
	});
});

describe("a link that is drawn anew while it is pressed", () => {
	const press = (on: Element) => on.dispatchEvent(new MouseEvent("mousedown", { bubbles: true, composed: true }));
	const letGo = (on: Element) => on.dispatchEvent(new MouseEvent("mouseup", { bubbles: true, composed: true }));

	it("calls though the browser sends no click", () => {
		press(put(`<a href="tel:${number}" data-here>Call</a>`));
		letGo(put(`<a href="tel:${number}" data-here>Call</a>`));
		expect(dials()).toHaveLength(1);
	});

	it("calls once where the browser sends one all the same", () => {
		press(put(`<a href="tel:${number}" data-here>Call</a>`));
		const link = put(`<a href="tel:${number}" data-here>Call</a>`);
		letGo(link);
		click(link);
		expect(dials()).toHaveLength(1);
	});

	it("does not call another number, nor where the pointer went elsewhere", () => {
		press(put(`<a href="tel:${number}" data-here>Call</a>`));
		letGo(put(`<a href="tel:${number}9" data-here>Call</a>`));
		press(put(`<a href="tel:${number}" data-here>Call</a>`));
		letGo(put("<p data-here>text</p>"));
		expect(dials()).toEqual([]);
	});

	it("waits for the click where the link stays", () => {
		const link = put(`<a href="tel:${number}" data-here>Call</a>`);
		press(link);
		letGo(link);
		expect(dials()).toEqual([]);
	});
});

describe("the pointer over a phone link", () => {
	it("is told when it comes and when it leaves, once each", () => {
		const link = put(`<a href="tel:${number}" data-here><b>Call</b></a>`);
		const over = (on: Element) => on.dispatchEvent(new MouseEvent("mouseover", { bubbles: true }));
		over(document.body);
		over(link);
		over(link.firstElementChild as Element);
		over(document.body);
		expect(heard).toEqual([
			{ type: "over", phone: true },
			{ type: "over", phone: false },
		]);
	});
});

describe("the pointer that leaves with no place to go to", () => {
	it.each<[string, () => Event, () => EventTarget]>([
		["the frame", () => new MouseEvent("mouseout", { bubbles: true }), () => document.body],
		["with the tab or the page", () => new Event("visibilitychange", { bubbles: true }), () => document],
	])("leaves %s", (_, event, on) => {
		const link = put(`<a href="tel:${number}" data-here>Call</a>`);
		link.dispatchEvent(new MouseEvent("mouseover", { bubbles: true }));
		on().dispatchEvent(event());
		expect(heard.at(-1)).toEqual({ type: "over", phone: false });
	});

	it("has not left on its way to what is inside the link", () => {
		const link = put(`<a href="tel:${number}" data-here><b>Call</b></a>`);
		link.dispatchEvent(new MouseEvent("mouseover", { bubbles: true }));
		link.dispatchEvent(new MouseEvent("mouseout", { bubbles: true, relatedTarget: link.firstElementChild }));
		expect(heard).toEqual([{ type: "over", phone: true }]);
	});
});

describe("real events of scripts", () => {
	it("call nobody", () => {
		stop();
		stop = listen(window);
		const link = put(`<a href="tel:${number}" data-here>Call</a>`);
		link.addEventListener("click", (event) => event.preventDefault());
		link.click();
		click(link);
		expect(dials()).toEqual([]);
	});
});

describe("reading a path", () => {
	it("sees no link where there is none", () => {
		expect(phoneLinkOf(new Event("click"))).toBeNull();
	});
});
