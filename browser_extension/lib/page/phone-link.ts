/** Which phone link an event is about: through open shadow roots, in SVG, in image maps. */

import { numberFromHref } from "../href";

const XLINK = "http://www.w3.org/1999/xlink";

export interface PhoneLink {
	readonly link: Element;
	readonly number: string;
}

/** Find the phone link that an event's path leads through; null where the nearest link is another, or edited text. */
export function phoneLinkOf(event: Event): PhoneLink | null {
	const path = event.composedPath();
	for (const [index, node] of path.entries()) {
		const href = hrefOf(node);
		if (href === null) continue;
		const number = numberFromHref(href);
		if (number === null || isBeingEdited(path.slice(index))) return null;
		return { link: node as Element, number };
	}
	return null;
}

/** The address of a link as its page wrote it; null for what is no link. */
function hrefOf(node: EventTarget): string | null {
	if (!(node instanceof Element)) return null;
	const name = node.localName;
	if (name !== "a" && name !== "area") return null;
	return node.getAttribute("href") ?? node.getAttributeNS(XLINK, "href");
}

/** Whether a click there places the caret instead of following the link. */
function isBeingEdited(path: readonly EventTarget[]): boolean {
	if (document.designMode === "on") return true;
	const nearest = path.find((node) => node instanceof HTMLElement);
	return nearest instanceof HTMLElement && nearest.isContentEditable;
}
