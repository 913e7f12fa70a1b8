/** The number that a `tel:` (RFC 3966) or `callto:` link holds. Pure, and small: it is part of every page. */

const SCHEME = /^(tel|callto):(?:\/\/)?/i;
/** NetMeeting called computers too: callto:10.0.0.1/jan. */
const COMPUTER = /^\d{1,3}(?:\.\d{1,3}){3}(?:\/|$)/;
/** What follows a number that is dialled once somebody has answered: pauses, extensions in four spellings. */
const EXTENSION = /\s*(?:;ext=|,+|;|\bext\.?|\bx|\bwew\.?|\bw\.|\s#)[\s:.]*(\d{1,7})#?$/i;
const SEPARATORS = /[\s().\-/_~[\]]/g;
/** A plus and the fifteen digits of E.164: with more, letters are words. */
const LONGEST = 16;
/** A remark such as "(Work)", and words behind a number that is one without them: no keys are meant. */
const REMARK = /\s*\([^()\d]*[a-z][^()]*\)/gi;
const BEFORE_WORDS = /^(\+(?:[\s().\-/]*\d){9,15}|(?:[\s().\-/]*\d){7,15})[\s,]+[a-z.][a-z\s.,:-]*$/i;
const KEYS = "22233344455566677778889999";

/** Read a link's address: "+48601000001", "223456789" or "+48601000001;ext=12"; null where it holds no number. */
export function numberFromHref(href: string): string | null {
	const address = asBrowsersReadIt(href);
	const scheme = SCHEME.exec(address);
	if (!scheme) return null;
	const isCallto = scheme[1]?.toLowerCase() === "callto";
	let rest = decode(address.slice(scheme[0].length));
	// Skype and NetMeeting: callto:+48601000001?call and callto:…+type=phone.
	rest = rest.replace(/(?:[?&]|\+type=).*$/is, "").replace(/\/$/, "");
	if (!isCallto) return numberFromText(rest);
	return COMPUTER.test(rest) ? null : numberFromText(rest.replace(/^tel:/i, ""));
}

/** Read one number, as written by a person or in a link, with letters as on a telephone's keys; null for anything else. */
export function numberFromText(written: string): string | null {
	const [number, ...parameters] = plain(written).split(/;(?=[a-z][a-z-]*(?:=|;|$))/i) as [string, ...string[]];
	const parameter = (name: string): string =>
		parameters.find((one) => one.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
	const bare = number.replace(REMARK, "").replace(/[,;\s]+$/, "");
	const inside = EXTENSION.exec(bare);
	const main = (inside ? bare.slice(0, inside.index) : bare).replace(BEFORE_WORDS, "$1");
	const digits = globally(digitsOf(main), parameter("phone-context"));
	if (!digits) return null;
	const extension = parameter("ext").replace(/\D/g, "") || inside?.[1] || "";
	return extension ? `${digits};ext=${extension}` : digits;
}

/** Digits, a leading plus, stars and hashes; "" where there are other things between them. */
function digitsOf(written: string): string {
	// An international number carries no national zero: +44 (0)20 …
	const text = written.trim().replace(/^((?:\+|00)\s?\d{1,3}[\s-]*)\(0\)/, "$1");
	const compact = text.replace(SEPARATORS, "");
	if (/^\+?[\d*#]*\d[\d*#]*$/.test(compact)) return compact;
	// Letters stand for keys only after digits: 1-800-FLOWERS is a number, "jan.kowalski" and "echo123" are names.
	if (compact.length > LONGEST || !/^(?:\+\d|\d{3})\d*[a-z][a-z\d]*$/i.test(compact)) return "";
	return compact.toLowerCase().replace(/[a-z]/g, (letter) => KEYS[letter.charCodeAt(0) - 97] ?? "");
}

/** Put the prefix of a context such as +48 before a local number; contexts that are domains say nothing here. */
function globally(number: string, context: string): string {
	if (!number || number.startsWith("+") || number.startsWith("00")) return number;
	const prefix = context.replace(SEPARATORS, "");
	return /^\+\d+$/.test(prefix) ? prefix + number : number;
}

/** As the address parser of browsers: no line breaks or tabs, nothing around it. */
function asBrowsersReadIt(href: string): string {
	return href.replace(/[\t\n\r]/g, "").replace(/^[\0- ]+|[\0- ]+$/g, "");
}

/** Percent-encoded bytes as text; what is no encoding stays as it is. */
function decode(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text.replace(/%([2-7][0-9a-f])/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
	}
}

/** One kind of digits, dashes and spaces, and nothing invisible. */
function plain(text: string): string {
	return text
		.normalize("NFKC")
		.replace(/\p{Cf}/gu, "")
		.replace(/\p{Nd}/gu, asciiDigit)
		.replace(/[\p{Pd}\u2212]/gu, "-")
		.replace(/\s+/gu, " ")
		.trim();
}

/** Digits of every script come in tens that begin where the one before is no digit. */
function asciiDigit(digit: string): string {
	const code = digit.codePointAt(0) ?? 0;
	if (code < 128) return digit;
	let value = 0;
	while (value < 9 && /\p{Nd}/u.test(String.fromCodePoint(code - value - 1))) value++;
	return String(value);
}
