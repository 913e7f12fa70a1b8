/** Numbers that were found, painted by the browser's own highlights: nothing of the page changes, so nothing can move. */

import { type Block, blockOf, type Piece } from "./blocks";
import type { Found } from "./numbers";

/** The name in detect.css. */
const NAME = "click-to-call-number";

export interface Mark {
	readonly number: string;
	readonly range: StaticRange;
	/** The elements that hold its text directly, which are those that events name. */
	readonly holders: readonly Node[];
}

export class Marks {
	readonly #highlight = new Highlight();
	/** By the element whose running text it is in: that text is looked at again as a whole. */
	readonly #byBlock = new Map<Node, Mark[]>();
	readonly #byHolder = new Map<Node, Mark[]>();

	constructor() {
		CSS.highlights.set(NAME, this.#highlight);
	}

	get count(): number {
		return this.#highlight.size;
	}

	add(block: Block, found: Found): void {
		const [startContainer, startOffset] = placeOf(block.pieces, found.start);
		const [endContainer, endOffset] = placeOf(block.pieces, found.end - 1);
		const around = blockOf(startContainer);
		// The page took it away while it was read: where it puts it is looked at in turn.
		if (!around) return;
		const range = new StaticRange({ startContainer, startOffset, endContainer, endOffset: endOffset + 1 });
		const holders: Node[] = [];
		const mark = { number: found.number, range, holders };
		for (const { node, start } of block.pieces) {
			const holder = node.parentNode;
			if (!holder || start >= found.end || start + node.length <= found.start || holders.includes(holder)) continue;
			holders.push(holder);
			entry(this.#byHolder, holder).push(mark);
		}
		this.#highlight.add(range);
		entry(this.#byBlock, around).push(mark);
	}

	/** Forget the marks in the running text of an element, not in the blocks inside of it. Asks nothing of the others. */
	forget(block: Node): void {
		const marks = this.#byBlock.get(block);
		if (!marks) return;
		for (const mark of marks) {
			this.#highlight.delete(mark.range);
			for (const holder of mark.holders) {
				const others = this.#byHolder.get(holder)?.filter((other) => other !== mark) ?? [];
				if (others.length) this.#byHolder.set(holder, others);
				else this.#byHolder.delete(holder);
			}
		}
		this.#byBlock.delete(block);
	}

	/** Forget the marks in what has gone from the page. Asks each block: once for many changes. */
	forgetGone(): void {
		for (const block of this.#byBlock.keys()) if (!block.isConnected) this.forget(block);
	}

	/** The mark at a place in the window, in the text that an element holds directly. */
	at(holder: EventTarget | undefined, x: number, y: number): Mark | null {
		return this.#byHolder.get(holder as Node)?.find((mark) => covers(mark.range, x, y)) ?? null;
	}

	/** Paint nothing any more. */
	end(): void {
		this.#highlight.clear();
		this.#byBlock.clear();
		this.#byHolder.clear();
		// Another run of this script in the same page may have taken the name over.
		if (CSS.highlights.get(NAME) === this.#highlight) CSS.highlights.delete(NAME);
	}
}

function entry(marks: Map<Node, Mark[]>, of: Node): Mark[] {
	const there = marks.get(of);
	if (there) return there;
	const made: Mark[] = [];
	marks.set(of, made);
	return made;
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
