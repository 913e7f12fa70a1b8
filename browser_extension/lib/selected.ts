/** The number in a text that somebody selected. Pure. */

import { numberFromText } from "./href";

/** Runs of digits as people write numbers, with an extension behind. */
const RUNS =
	/(?:\+|\b00)?\(?\d(?:[\s().\-\u2010-\u2015\u2212/]{0,3}\d){5,16}(?:\s*(?:;ext=|ext\.?|wew\.?|w\.|x)\s*\d{1,7})?/giu;

/** Read a selection such as "Tel.: 601 000 001"; what it is instead when there is not exactly one number. */
export function numberFromSelection(text: string): { number: string } | "none" | "several" {
	const whole = numberFromText(text.slice(0, 200));
	if (whole) return { number: whole };
	const found = (text.match(RUNS) ?? []).map(numberFromText).filter((number) => number !== null);
	const [first, ...others] = [...new Set(found)];
	if (!first) return "none";
	return others.length ? "several" : { number: first };
}
