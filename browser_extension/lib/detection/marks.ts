/** Numbers that were found, painted by the browser's own highlights: nothing of the page changes, so nothing can move. */

import type { Block, Piece } from "./blocks";
import type { Found } from "./numbers";

/** The name in detect.css. */
const NAME = "click-to-call-number";

export interface Mark {
	readonly number: string;
	readonly range: StaticRange;
}

export class Marks {
	readonly #highlight = new Highlight();
	/** By the elements that hold the text directly, which are those that events name. */
	readonly #byElement = new Map<Node, Mark[]>();

	constructor() {
		CSS.highlights.set(NAME, this.#highlight);
	}

	get count(): number {
		return this.#highlight.size;
	}

	add(block: Block, found: Found): void {
		const [startContainer, startOffset] = placeOf(block.pieces, found.start);
		const [endContainer, endOffset] = placeOf(block.pieces, found.end - 1);
		const range = new StaticRange({ startContainer, startOffset, endContainer, endOffset: endOffset + 1 });
		const mark = { number: found.number, range };
		this.#highlight.add(range);
		for (const { node, start } of block.pieces) {
			const parent = node.parentNode;
			if (!parent || start >= found.end || start + node.length <= found.start) continue;
			const marks = this.#byElement.get(parent);
			if (!marks) this.#byElement.set(parent, [mark]);
			else if (!marks.includes(mark)) marks.push(mark);
		}
	}

	/** Forget the marks in an element, of it alone or of all in it, and those whose text has gone. */
	forget(within: Node, deep: boolean, isOf: (holder: Node) => boolean): void {
		for (const [holder, marks] of this.#byElement) {
			if (holder.isConnected && !(deep ? within.contains(holder) : isOf(holder))) continue;
			for (const mark of marks) this.#highlight.delete(mark.range);
			this.#byElement.delete(holder);
		}
	}

	/** The mark at a place in the window, in the text that an element holds directly. */
	at(holder: EventTarget | undefined, x: number, y: number): Mark | null {
		return (this.#byElement.get(holder as Node) ?? []).find((mark) => covers(mark.range, x, y)) ?? null;
	}

	/** Paint nothing any more. */
	end(): void {
		this.#highlight.clear();
		this.#byElement.clear();
		// Another run of this script in the same page may have taken the name over.
		if (CSS.highlights.get(NAME) === this.#highlight) CSS.highlights.delete(NAME);
	}
}

/** The node and the offset in it of a sign of a block's text. */
function placeOf(pieces: readonly Piece[], offset: number): [Text, number] {
	const piece = pieces.findLast(({ start }) => start <= offset) as Piece;
	return [piece.node, Math.min(offset - piece.start, piece.node.length)];
}

function covers({ startContainer, startOffset, endContainer, endOffset }: StaticRange, x: number, y: number): boolean {
	const range = document.createRange();
	try {
		range.setStart(startContainer, startOffset);
		range.setEnd(endContainer, endOffset);
	} catch {
		// The text became shorter, and was not looked at again yet.
		return false;
	}
	return [...range.getClientRects()].some(
		({ left, right, top, bottom }) => x >= left && x <= right && y >= top && y <= bottom,
	);
}
