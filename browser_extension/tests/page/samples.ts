/** Pages full of real numbers and of digits that are none, read as the detector reads them. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { CountryCode } from "libphonenumber-js/max/es6";
import { type Block, blocksOf, type Piece } from "@/lib/detection/blocks";
import { findNumbers } from "@/lib/detection/numbers";

/** Put a page of samples into the document. */
export function show(name: string): void {
	const html = readFileSync(join(import.meta.dirname, "samples", `${name}.html`), "utf8");
	const page = new DOMParser().parseFromString(html, "text/html");
	document.documentElement.lang = page.documentElement.lang;
	document.body.replaceWith(document.importNode(page.body, true));
}

export const textsOf = (root: Element): Block[] =>
	[...blocksOf(root, true)].filter((met): met is Block => met !== null && "pieces" in met);

/** The numbers that are found in the document, each with the element that it begins in. */
export function found(region: CountryCode | null): { number: string; text: string; at: Element }[] {
	return textsOf(document.body).flatMap((block) =>
		findNumbers(block.text, block.before, region).map(({ number, start, end }) => {
			const piece = block.pieces.findLast((one) => one.start <= start) as Piece;
			return { number, text: block.text.slice(start, end), at: piece.node.parentElement as Element };
		}),
	);
}
