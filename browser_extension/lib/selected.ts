/** The number in a text that somebody selected. Pure. */

import { numberFromText } from "./href";

/** Runs of digits as people write numbers, with an extension behind. */
const RUNS =
	/(?:\+|\b00)?\(?\d(?:(?:[\s().\-\u2010-\u2015\u2212]{0,3}|\/)\d){5,}(?:\s*(?:;ext=|ext\.?|wew\.?|w\.|x)\s*\d{1,7})?/giu;
/** Letters of a telephone's keys are written as capitals: 1-800-FLOWERS is a number, "500 groszy" is money. */
const WORD = /\d.*\p{Ll}/su;
/** Those of E.164 behind 00. */
const MOST_DIGITS = 17;

/** Read a selection such as "Tel.: 601 000 001"; what it is instead when there is not exactly one number. */
export function numberFromSelection(text: string): { number: string } | "none" | "several" {
	const found = (text.match(RUNS) ?? []).map(numberFromText).filter((number) => number !== null);
	const [first, ...others] = [...new Set(found)];
	if (others.length) return "several";
	const number = first ?? (WORD.test(text) ? null : numberFromText(text.slice(0, 200)));
	return number && digitsIn(number) <= MOST_DIGITS ? { number } : "none";
}

const digitsIn = (number: string): number => number.replace(/;.*|\D/g, "").length;
