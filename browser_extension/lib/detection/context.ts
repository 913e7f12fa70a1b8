/** What the words around digits say they are. Pure. */

const word = (words: string): string => `(?<![\\p{L}\\p{N}])(?:${words})(?![\\p{L}\\p{N}])`;

/** Words that stand before phone numbers, in Polish and English and as signs. */
const PHONE = new RegExp(
	`(?:${word(
		"tel|telefon\\p{L}*|telephone|ph|phone|mob|mobile|cell|kom|komórk\\p{L}*|fax|faks\\p{L}*|gsm|call(?: us)?|dial|whatsapp|" +
			"hotline|helpline|infolini\\p{L}*|za?dzwoń\\p{L}*|dzwoń\\p{L}*|dzwonić|sms|kontakt\\p{L}*|contact|(?:[tmpf](?=[.:]))",
	)}|[\u260e\u260f\u2706\u{1f4de}\u{1f4f1}\u{1f4f2}])`,
	"giu",
);
/** Words that stand before other long numbers. */
const OTHER = new RegExp(
	word(
		"nip|regon|pesel|krs|bdo|gus|vat|tax|ein|ssn|iban|nrb|bic|swift|kont[ao]|account|acct|acc|rachun\\p{L}*|sort code|" +
			"order|orders|zam|zamówieni\\p{L}*|zleceni\\p{L}*|faktur\\p{L}*|fv|invoice|inv|ref|reference|referencj\\p{L}*|id|ids|uid|identyfikator|" +
			"sku|ean|gtin|upc|isbn|issn|imei|iccid|vin|asin|serial|seryjny|s/n|sn|part|item|art|artykuł|indeks|kod|code|pin|puk|token|" +
			"wersj\\p{L}*|version|ver|build|rev|revision|release|kwot\\p{L}*|sum\\p{L}*|razem|total|amount|price|cen\\p{L}*|wartość|value|" +
			"qty|ilość|liczb\\p{L}*|count|population|dat[aey]|date|case|ticket|zgłoszeni\\p{L}*|spraw\\p{L}*|umow\\p{L}*|contract|" +
			"polis\\p{L}*|policy|dow[óo]d\\p{L}*|paszport\\p{L}*|passport|licen[cs]e|tracking|przesyłk\\p{L}*|parcel|shipment|card|kart\\p{L}*|doi|pmid|" +
			"coordinates|współrzędne|gps|lat|lon|lng|latitude|longitude|grid|utm|mgrs|ip|mac|port|timestamp|unix|epoch|hash|commit|działk\\p{L}*",
	),
	"giu",
);
/** A word speaks for the digits behind it, not for those of the next sentence. */
const REACH = 22;
/** A heading before a text of its own speaks for it when it is not a text itself. */
const HEADING = 32;

const MONEY = "zł|złotych|pln|eur|euro|usd|gbp|chf|czk|sek|nok|dkk|huf|jpy|€|\\$|£|¥|zl";
const MEASURES =
	"szt|sztuk|pcs|kg|mg|g|t|km|m|mm|cm|m²|m2|m³|km²|ha|l|ml|b|kb|mb|gb|tb|kib|mib|gib|ms|s|min|h|w|kw|mw|kwh|mwh|hz|khz|mhz|ghz|px|pt|pkt|" +
	"osób|ludzi|mieszkańców|people|inhabitants|rows|wierszy|bytes|bajtów|views|users|tys|mln|mld|million|billion|°|%|‰";
const MONEY_BEFORE = new RegExp(`(?<![\\p{L}])(?:${MONEY})[\\s\\ue000]{0,2}$`, "iu");
const MEASURED = new RegExp(`^[\\s\\ue000]{0,2}(?:${MONEY}|${MEASURES})(?![\\p{L}\\p{N}])`, "iu");

/** What the closest word before digits calls them; `before` is the text in front of this one. */
export function claimOf(behind: string, before: string): "phone" | "other" | "" {
	return claimed(behind) || (behind.trim() === "" && before.trim().length <= HEADING ? claimed(before) : "");
}

/** Whether digits are an amount of something, or the number of a parcel: RR 601 000 001 PL. */
export function isMeasured(behind: string, ahead: string): boolean {
	const isParcel = /(?<!\p{L})[A-Z]{2}\s$/u.test(behind) && /^\s[A-Z]{2}(?!\p{L})/u.test(ahead);
	return isParcel || MONEY_BEFORE.test(behind) || MEASURED.test(ahead);
}

function claimed(text: string): "phone" | "other" | "" {
	const phone = lastEnd(PHONE, text);
	const other = lastEnd(OTHER, text);
	const nearest = Math.max(phone, other);
	if (nearest < 0 || text.length - nearest > REACH || /\d/.test(text.slice(nearest))) return "";
	return phone > other ? "phone" : "other";
}

/** Where the last match ends; -1 without one. */
function lastEnd(words: RegExp, text: string): number {
	let end = -1;
	for (const found of text.matchAll(words)) end = found.index + found[0].length;
	return end;
}
