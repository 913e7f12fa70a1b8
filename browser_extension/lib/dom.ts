/** Building pages without markup in strings: whatever a record is called, it stays text. */

type Child = Node | string | null | undefined | false;
type Attributes = Readonly<Record<string, string | boolean | undefined | ((event: Event) => void)>>;

/** Make an element: attributes by name, listeners as `onclick` and the like, children as nodes or text. */
export function h<Name extends keyof HTMLElementTagNameMap>(
	name: Name,
	attributes: Attributes = {},
	...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
	const element = document.createElement(name);
	for (const [key, value] of Object.entries(attributes)) {
		if (typeof value === "function") element.addEventListener(key.slice(2), value);
		else if (value === true) element.setAttribute(key, "");
		else if (value !== undefined && value !== false) element.setAttribute(key, value);
	}
	element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
	return element;
}

/** Put new content into an element, keeping the focus on what has the same id. */
export function fill(element: Element, ...children: readonly Child[]): void {
	const focused = document.activeElement?.id;
	element.replaceChildren(...children.filter((child) => child !== null && child !== undefined && child !== false));
	if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus();
}

const PATHS = {
	inbound: "M12.5 3.5 4 12m0-6v6h6",
	outbound: "M3.5 12.5 12 4M6 4h6v6",
	phone: "M5.2 3.6 4 4.8c0 4 3.2 7.2 7.2 7.2l1.2-1.2-2-2-1.3.8A5 5 0 0 1 6.4 6.9l.8-1.3z",
	open: "M9.5 2.5h4v4M13.5 2.5 7.5 8.5M12 9.5v4H2.5V4h4",
	good: "M3 8.5 6.5 12 13 4.5",
	wait: "M8 2.5a5.5 5.5 0 1 0 5.5 5.5M8 5v3l2 1.5",
	broken: "M8 2 14.5 13.5h-13zM8 6.5v3.5m0 1.8v.1",
	person: "M8 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5M3 13.5a5 5 0 0 1 10 0",
	organization: "M3.5 13.5v-11h9v11M2 13.5h12M6.5 5.5h.1m2.8 0h.1m-3 3h.1m2.8 0h.1M7 13.5v-2.5h2v2.5",
	add: "M8 3v10M3 8h10",
} as const;

export type Icon = keyof typeof PATHS;

/** One of our line icons; its meaning is always in words beside it. */
export function icon(name: Icon): SVGSVGElement {
	const space = "http://www.w3.org/2000/svg";
	const drawing = document.createElementNS(space, "svg");
	drawing.setAttribute("viewBox", "0 0 16 16");
	drawing.setAttribute("aria-hidden", "true");
	const path = document.createElementNS(space, "path");
	path.setAttribute("d", PATHS[name]);
	drawing.append(path);
	return drawing;
}

/** The element of an id that the page's own markup has. */
export function part(id: string): HTMLElement {
	const element = document.getElementById(id);
	if (!element) throw new Error(`no element ${id}`);
	return element;
}
