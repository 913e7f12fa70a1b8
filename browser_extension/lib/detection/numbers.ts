/** Phone numbers in plain text: those that can be nothing else, or that a word before them calls so. Pure. */

import {
	type CountryCode,
	getCountryCallingCode,
	PhoneNumber,
	parsePhoneNumberFromString,
} from "libphonenumber-js/max/es6";
import { type Claim, claimOf, isMeasured } from "./context";

export interface Found {
	/** Offsets in the text: from the first sign of the number to behind its last. */
	readonly start: number;
	readonly end: number;
	/** "+48601000001" or "+48601000001;ext=12". */
	readonly number: string;
}

/** Stands in a text where an inline element begins or ends: no space, but the number may go on behind it. */
export const SEAM = "\ue000";
/** Stands where something else is in between: a line break, a link, a field. */
export const BREAK = "\ue001";

const SPACE = `[\\s${SEAM}]`;
const DASHES = "\\-\\u2010-\\u2015\\u2212";
const SEPARATOR = `(?:${SPACE}{0,4}[()]${SPACE}{0,4}-?|${SEAM}?[./${DASHES}]${SEAM}?|${SPACE}{1,8})`;
const RUN = new RegExp(`(?:\\+${SEAM}?)?\\(?\\d(?:${SEPARATOR}?\\d){6,}`, "gu");
/** Most text has no seven digits near each other, and is done with here. */
const DIGITS = /\d(?:\D{0,9}\d){6}/;
/** Unicode's letters and digits. Such classes take the browser long to prepare: they are few, and stand alone. */
const OF_WORD = /[\p{L}\p{N}]/u;
const EXTENSION = /^[\s\ue000]{0,3}(?:ext\.?|x|wewn?\.?|w\.)[\s\ue000:]{0,3}(\d{1,5})(?=(.?))/i;
const JOINT = /^[\s\ue000]*(?:[,;/|]|lub|or|oraz|and|i)?[\s\ue000]*$/i;
/** What belongs to the digits behind it or in front of it, and what does between two words or two digits. */
const GLUE_BEFORE = "_#@\\=&%*^+~$€£¥§-\u2212";
const GLUE_AFTER = "_#@\\=%^+~$€£¥°";
const HYPHENS = "\u2010\u2011\u2012\u2013\u2014\u2015/";
const POINTS = ".,:;";

/** An area in brackets: (22) 3456789. */
const IN_BRACKETS = /^\(0?[\s-]?\d{2,5}\)/;

/** What is dialled before a national number, such as 0, 1 in America and 8 in Russia, or a code in brackets. */
const DIALLED_BEFORE = /^[018(]/;

const MOST_DIGITS = 15;
const LOOK_BACK = 48;
const LOOK_AHEAD = 16;

/** Whether a text may hold a number at all. Quick. */
export function mayHoldNumber(text: string): boolean {
	return DIGITS.test(text);
}

/** Find the numbers in a text; `before` is what stands in front of it, `region` whose national numbers are meant. */
export function findNumbers(text: string, before: string, region: CountryCode | null): Found[] {
	const found: Found[] = [];
	/** Where the last number ends: what is joined to it is one, too. */
	let named = -1;
	const take = (start: number, raw: string): boolean => {
		const end = start + raw.length;
		const ahead = text.slice(end, end + LOOK_AHEAD);
		const behind = text.slice(Math.max(0, start - LOOK_BACK), start);
		const extension = extensionIn(ahead);
		if (isGluedTo(behind) || (!extension && isGluedIn(ahead))) return false;
		const isNamed = named >= 0 && JOINT.test(text.slice(named, start));
		const claim = () => (isNamed ? "phone" : claimOf(behind, before));
		const isSaid = () => /^(?:\+|00)/.test(raw) || claim() === "phone";
		const phone = read(raw, claim, region);
		if (!phone || (!extension && isMeasured(behind, ahead, isSaid))) return false;
		const whole = end + (extension?.[0].length ?? 0);
		named = whole;
		found.push({ start, end: whole, number: phone.number + (extension ? `;ext=${extension[1]}` : "") });
		return true;
	};
	for (const run of text.matchAll(RUN)) {
		if (take(run.index, run[0]) || !run[0].includes(SEAM)) continue;
		// Elements meet in it: two numbers may stand beside each other.
		let start = run.index;
		for (const part of run[0].split(SEAM)) {
			if (part.trim()) take(start + part.search(/\S/), part.trim());
			start += part.length + 1;
		}
	}
	return found;
}

/** Whether digits go on what is in front of them: an id, an address, a decimal or a time. */
function isGluedTo(behind: string): boolean {
	const last = behind.at(-1);
	if (!last) return false;
	if (GLUE_BEFORE.includes(last) || OF_WORD.test(last)) return true;
	const other = behind.at(-2) ?? "";
	return HYPHENS.includes(last) ? OF_WORD.test(other) : POINTS.includes(last) && /\d/.test(other);
}

/** Whether what is behind digits goes on with them. */
function isGluedIn(ahead: string): boolean {
	// Stars refer to a note.
	const rest = ahead.startsWith("*") ? ahead.replace(/^\*+/, "") : ahead;
	const next = rest[0];
	if (!next) return false;
	if (GLUE_AFTER.includes(next) || OF_WORD.test(next)) return true;
	const other = rest[1] ?? "";
	return next === "-" || HYPHENS.includes(next) ? OF_WORD.test(other) : POINTS.includes(next) && /\d/.test(other);
}

function extensionIn(ahead: string): RegExpExecArray | null {
	const extension = EXTENSION.exec(ahead);
	return extension && !OF_WORD.test(extension[2] ?? "") ? extension : null;
}

function read(raw: string, claimed: () => Claim, region: CountryCode | null): PhoneNumber | null {
	const written = raw.replaceAll(SEAM, "").replace(/\s+/g, " ").trim();
	const groups = written.match(/\d+/g) ?? [];
	const digits = groups.join("");
	if (digits.length > MOST_DIGITS) return null;
	if (written.startsWith("+")) return isPlace(written) ? null : valid(`+${withoutZero(written)}`);
	if (isDate(written) || isAddress(written) || isDecimal(written)) return null;
	const claim = claimed();
	if (claim === "other") return null;
	if (digits.startsWith("00")) return claim || groups.length > 2 ? valid(`+${withoutZero(written).slice(2)}`) : null;
	// With the national zero two groups are enough: 07400 123456.
	const enough = digits.startsWith("0") && digits.length > 8 ? 2 : 3;
	if (!region || (!claim && groups.length < enough && !IN_BRACKETS.test(written))) return null;
	if (!claim && isCounted(groups)) return null;
	// What nothing calls a number, and has nothing dialled before it, is one as it stands or none.
	const find = claim || DIALLED_BEFORE.test(written) ? valid : validAsItStands;
	const phone = find(digits, region) ?? (digits.startsWith("0") ? valid(digits.slice(1), region) : null);
	if (claim) return phone ?? (digits.length > 9 ? valid(`+${digits}`) : null);
	return phone && isWrittenAsNumber(written, groups, phone) ? phone : null;
}

/** The number that digits are as they stand, or without what people dial in front of it, which takes longer to find out. */
function valid(digits: string, region?: CountryCode): PhoneNumber | null {
	const plain = validAsItStands(digits, region);
	if (plain) return plain;
	const phone = parsePhoneNumberFromString(
		digits,
		region ? { defaultCountry: region, extract: false } : { extract: false },
	);
	return phone?.isValid() ? phone : null;
}

function validAsItStands(digits: string, region?: CountryCode): PhoneNumber | null {
	try {
		const phone = new PhoneNumber(region ? `+${getCountryCallingCode(region)}${digits}` : digits);
		return phone.isValid() ? phone : null;
	} catch {
		// No country has such a code.
		return null;
	}
}

/** The digits of an international number, which has no national zero: +44 (0)20 … */
function withoutZero(written: string): string {
	return written.replace(/^((?:\+|00)\d{1,3}\D*)\(0\)/, "$1").replace(/\D+/g, "");
}

/** Whether digits are grouped as their country groups them: an amount or an id seldom is. */
function isWrittenAsNumber(written: string, groups: readonly string[], phone: PhoneNumber): boolean {
	if (IN_BRACKETS.test(written)) return true;
	// One stroke may stand behind the area; several part numbers from numbers: 500/501/503.
	if (/\/.*\//.test(written)) return false;
	const shape = (parts: readonly string[]) => parts.map((part) => part.length).join();
	const national = phone.formatNational().match(/\d+/g) ?? [];
	// What people dial in front of it may stand alone: 1-212-456-7890.
	const isPrefix = groups[0] === "0" || (groups[0] === "1" && phone.countryCallingCode === "1");
	const given = isPrefix ? groups.slice(1) : groups;
	if (shape(given) === shape(national)) return true;
	if (given[0]?.startsWith("0") && !national[0]?.startsWith("0")) {
		return shape([given[0].slice(1), ...given.slice(1)]) === shape(national);
	}
	return shape(given) === "3,2,2,2" && phone.getType() === "MOBILE";
}

/** Rooms 601-602-603. */
function isCounted(groups: readonly string[]): boolean {
	return groups.length > 2 && groups.every((group, index) => Number(group) === Number(groups[0]) + index);
}

/** 2026-11-22, 22.11.2026, 22-11-26 14, 2025/2026. */
function isDate(written: string): boolean {
	return /^(?:(?:19|20)\d\d([-./\u2010-\u2015])\d{1,2}\1\d{1,2}|\d{1,2}([-./ ])\d{1,2}\2(?:19|20)\d\d|(?:19|20)\d\d[-/\u2010-\u2015](?:19|20)\d\d)(?=$|\D)/.test(
		written,
	);
}

/** 192.168.0.1, 10.20.30.255 */
function isAddress(written: string): boolean {
	return /^\d{1,3}(?:\.\d{1,3}){3}$/.test(written);
}

/** +52.2297 21.0122, and as ISO 6709 has it: +4953-09709. */
function isPlace(written: string): boolean {
	if (/^\+\d{4,7}-\d{5,7}$/.test(written)) return true;
	if (/^\+\d{1,3}\.\d{7,12}$/.test(written)) return false;
	if (/^\+\d{1,3}(?:[. ]\d{1,4}){4,}$/.test(written)) return false;
	return isDecimal(written);
}

/** 52.2297 21.0122, 1234.5678; numbers with dots have groups of two to four digits behind at least two of them. */
function isDecimal(written: string): boolean {
	return written.includes(".") && !/^\+?\(?\d{1,4}\)?(?:[. ()\-/]+\d{2,4}){2,}$/.test(written);
}
