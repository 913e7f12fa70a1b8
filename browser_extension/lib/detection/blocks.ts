/** The running texts of a page, each with the text nodes that it is made of. Reads the page and changes nothing. */

import { BREAK, mayHoldNumber, SEAM } from "./numbers";

/** A text between two borders that a reader sees, and where its nodes begin in it. */
export interface Block {
	readonly text: string;
	/** The end of the text before, such as the label in the cell to the left. */
	readonly before: string;
	readonly pieces: readonly Piece[];
}

export interface Piece {
	readonly node: Text;
	readonly start: number;
}

/** What a walk meets: a text that may hold a number, a shadow root, an element that may get one yet, or a place to pause. */
export type Met = Block | ShadowRoot | Element | null;

const names = (list: string): ReadonlySet<string> => new Set(list.split(" "));
/** Elements in which a word may go on. */
const INLINE = names("span b i em strong u s small mark font bdi bdo sub sup wbr abbr cite dfn q ins del big tt nobr");
/** Elements whose text is no text of a page, is typed by somebody, is a thing of its own, or does something when clicked. */
const SKIPPED = names(
	"script style noscript template code pre kbd samp var textarea input select option optgroup datalist button a area label summary " +
		"svg math iframe object embed canvas audio video time data meter progress head title output",
);
const ACTING =
	/^(?:button|link|menuitem.*|option|tab|switch|checkbox|radio|textbox|searchbox|combobox|spinbutton|slider|code|timer|math)$/;
/** Nodes between two places to pause. */
const STRIDE = 100;
const LABEL_LENGTH = 64;
/** Nodes to go back for a label in front of a block. */
const STEPS_BACK = 12;

/** Whether an element and all in it is left out. */
export function isSkipped(element: Element): boolean {
	if (SKIPPED.has(element.localName)) return true;
	if (!element.hasAttributes()) return false;
	const edited = element.getAttribute("contenteditable");
	if (edited !== null && edited.toLowerCase() !== "false") return true;
	const role = element.getAttribute("role");
	return role !== null && ACTING.test(role);
}

/** The nearest element around a node that a reader sees as a block; null inside of what is left out, and for what is gone. */
export function blockAround(node: Node): Element | ShadowRoot | null {
	let block: Element | ShadowRoot | null = null;
	for (let at: Node | null = node; at; at = at.parentNode ?? (at instanceof ShadowRoot ? at.host : null)) {
		if (at instanceof Element) {
			if (isSkipped(at)) return null;
			if (!block && !INLINE.has(at.localName)) block = at;
		} else if (at instanceof ShadowRoot) block ??= at;
		else if (at === document) return block;
	}
	return null;
}

/** The element whose running text a text node is part of, left out or not; null for what is gone. */
export function blockOf(text: Text): Node | null {
	let at = text.parentNode;
	while (at instanceof Element && INLINE.has(at.localName)) at = at.parentNode;
	return at;
}

/** Walk through the texts of an element: of it alone, or with `deep` of all blocks in it, each of which is told as it is entered. */
export function* blocksOf(
	root: Element | ShadowRoot,
	deep: boolean,
	enter: (block: Element) => void = () => undefined,
): Generator<Met, void> {
	let text = "";
	let before = textBefore(root);
	let pieces: Piece[] = [];
	let seen = 0;

	const flush = (): Block | null => {
		const block = mayHoldNumber(text) ? { text, before, pieces } : null;
		if (text.trim()) before = text.slice(-LABEL_LENGTH);
		text = "";
		pieces = [];
		return block;
	};

	let node: Node | null = root.firstChild;
	while (node) {
		let inside: Node | null = null;
		if (node.nodeType === Node.TEXT_NODE) {
			pieces.push({ node: node as Text, start: text.length });
			text += (node as Text).data;
		} else if (node.nodeType === Node.ELEMENT_NODE) {
			const element = node as Element;
			const isInline = INLINE.has(element.localName);
			if (element.localName === "br" || isSkipped(element)) text += BREAK;
			else {
				if (isInline) text += SEAM;
				else {
					const block = flush();
					if (block) yield block;
				}
				if (deep || isInline) {
					if (element.shadowRoot) yield element.shadowRoot;
					else if (element.localName.includes("-")) yield element;
				}
				if (deep && !isInline) enter(element);
				if (isInline || deep) inside = element.firstChild;
			}
		}
		if (++seen % STRIDE === 0) yield null;
		while (!inside && node && node !== root) {
			inside = node.nextSibling;
			if (inside) break;
			node = node.parentNode;
			if (!node || node === root) break;
			if (INLINE.has((node as Element).localName)) text += SEAM;
			else {
				const block = flush();
				if (block) yield block;
			}
		}
		node = inside;
	}
	const block = flush();
	if (block) yield block;
}

/** The end of the text in front of an element, where it is near. */
function textBefore(root: Element | ShadowRoot): string {
	let node: Node | null = root;
	for (let steps = 0; node && steps < STEPS_BACK; steps++) {
		if (node.previousSibling) {
			node = node.previousSibling;
			while (node.lastChild) node = node.lastChild;
		} else node = node.parentNode;
		if (node?.nodeType === Node.TEXT_NODE && (node as Text).data.trim())
			return (node as Text).data.slice(-LABEL_LENGTH);
	}
	return "";
}
