/** What the words around digits say they are. Pure. */

/** Words that stand before phone numbers, in Polish and English; a star stands for any ending. */
const PHONE = vocabulary(
	"tel telefon* telephone* phone* mob mobile cell kom komórk* fax faks* gsm call dial whatsapp hotline helpline infolini* " +
		"zadzwoń* dzwoń* dzwonić sms kontakt* contact* central* recepcj* sekretariat* rejestracj* reception switchboard",
);
/** Single letters that do so with a colon or a full stop behind them, and signs that need none. */
const SHORT = /^[tmpf][.:]/i;
const SIGNS = /^[\u260e\u260f\u2706\u{1f4de}\u{1f4f1}\u{1f4f2}]/u;
/** Words that stand before other long numbers. */
const OTHER = vocabulary(
	"nip regon pesel krs bdo gus vat tax ein ssn iban nrb bic swift konta konto account counts acct acc rachun* order* zam zamówieni* " +
		"zleceni* faktur* fv invoice* inv ref reference* referencj* id ids uid identyfikator* sku ean gtin upc isbn issn imei iccid " +
		"vin asin serial seryjny sn part item art artykuł* indeks kod* code* pin puk token* wersj* version* ver build rev revision " +
		"release kwot* suma sumy sumie sum sums razem total* amount* price* cena ceny cenie wartość value values qty ilość liczb* count counts population data daty date* case cases " +
		"ticket* zgłoszeni* sprawa sprawy umow* contract polis* policy dowod* dowód* paszport* passport* licence license tracking przesyłk* " +
		"parcel* shipment* card cards karta karty kartą doi pmid coordinates współrzędne gps lon lng latitude longitude grid utm mgrs ip mac port " +
		"timestamp unix epoch hash commit działk* sygn sygnatur* akt kapitał* budżet* budget* przychod* revenue* zysk* ludność ludności populacj*",
);
/** Two words that do, though alone they may stand before phone numbers. */
const OTHER_PAIR =
	/^(?:nr|numer[a-z]*) (?:klient|rezerwacj|rej$|rejestracyjn|zam|zgłosz|zlece|faktur|przesył|polis|umow)|^(?:customer|client|member|reservation|confirmation) (?:no|number)$/;
const FIRST_OF_PAIR = vocabulary("nr numer* customer client member reservation confirmation");
/** With a colon these are whom to call, unless they are what the word before them is of: a confirmation of an order. */
const DEPARTMENT = vocabulary("zgłoszenia zamówienia zlecenia faktury przesyłki polisy umowy orders invoices tickets");
const BEFORE_DEPARTMENT = vocabulary("i oraz and");
/** Words, and what stands behind them; signs. */
const WORDS = /\p{L}+(?:[.:](?=\P{L}|$))?|[\u260e\u260f\u2706\u{1f4de}\u{1f4f1}\u{1f4f2}]/gu;
/** A word speaks for the digits behind it, not for those of the next sentence. */
const REACH = 22;
/** A heading before a text of its own speaks for it when it is not a text itself. */
const HEADING = 32;

const MONEY = "zł złotych pln eur euro usd gbp chf czk sek nok dkk huf jpy zl € $ £ ¥";
const IS_MONEY = vocabulary(MONEY);
const IS_SUM = vocabulary(`${MONEY} % ‰`);
const IS_MEASURE = vocabulary(
	"szt sztuk pcs kg mg g t km m mm cm m² m2 m³ km² ha l ml b kb mb gb tb kib mib gib ms s min h w kw mw kwh mwh hz khz mhz " +
		"ghz px pt pkt osób ludzi mieszkańców klientów użytkowników użytkownicy odsłon odsłony wyświetleń wyświetlenia odtworzeń " +
		"pobrań rekordów rekordy people inhabitants rows records wierszy bytes bajtów views users downloads tys mln mld million " +
		"billion ° °c",
);
const LAST_WORD = /(\p{L}+|[€$£¥])[\s\ue000]{0,2}$/u;
const NEXT_WORD = /^[\s\ue000]{0,2}([\p{L}\p{N}€$£¥°%‰]+)/u;
/** What may stand behind a unit of one letter: else it is a preposition, an initial, days, or what the next number is. */
const BEHIND_LETTER = /^[\s\ue000]*(?:$|[,;/)!?\ue001]|\.[\s\ue000]*$)/;
/** The letters of RR 601 000 001 PL. */
const OF_PARCEL = /^[A-Z]{2}$/;

/** What a word calls the digits behind it: a phone number, something else, or nothing. */
export type Claim = "phone" | "other" | "";

/** What the closest word before digits calls them; `before` is the text in front of this one. */
export function claimOf(behind: string, before: string): Claim {
	return (
		claimed(behind) || (!/[^\s\ue000\ue001]/.test(behind) && before.trim().length <= HEADING ? claimed(before) : "")
	);
}

/** Whether digits are an amount of something, or the number of a parcel: RR 601 000 001 PL; `isSaid` tells what can only be a phone number. */
export function isMeasured(behind: string, ahead: string, isSaid: () => boolean): boolean {
	const last = LAST_WORD.exec(behind.slice(-10))?.[1] ?? "";
	const [untilNext = "", next = ""] = NEXT_WORD.exec(ahead) ?? [];
	if (IS_MONEY(last.toLowerCase()) || IS_SUM(next.toLowerCase())) return true;
	const isUnit =
		IS_MEASURE(next.toLowerCase()) && (next.length > 1 || BEHIND_LETTER.test(ahead.slice(untilNext.length)));
	return (isUnit || (OF_PARCEL.test(last) && OF_PARCEL.test(next))) && !isSaid();
}

function claimed(text: string): Claim {
	let claim: Claim = "";
	let end = 0;
	let last = "";
	// What speaks for these digits has no others in between.
	const near = text.slice(text.search(/\D*$/));
	for (const found of near.matchAll(WORDS)) {
		const meant = meaningOf(found[0], last);
		last = plain(found[0]);
		if (!meant) continue;
		claim = meant;
		end = found.index + found[0].length;
	}
	return near.length - end <= REACH ? claim : "";
}

/** What a word says, with the one before it. */
function meaningOf(written: string, last: string): Claim {
	if (SIGNS.test(written) || SHORT.test(written)) return "phone";
	const word = plain(written);
	if (PHONE(word)) return "phone";
	if (FIRST_OF_PAIR(last) && OTHER_PAIR.test(`${last} ${word}`)) return "other";
	return OTHER(word) && !isDepartment(written, last) ? "other" : "";
}

/** Zamówienia: 601 000 001 */
function isDepartment(written: string, last: string): boolean {
	if (!written.endsWith(":") || !DEPARTMENT(plain(written))) return false;
	const isCapital = written.charAt(0) !== written.charAt(0).toLowerCase();
	return !last || isCapital || PHONE(last) || BEFORE_DEPARTMENT(last);
}

function plain(written: string): string {
	return written.replace(/[.:]$/, "").toLowerCase();
}

/** Whether a word is one of a list, in lower case. */
function vocabulary(list: string): (word: string) => boolean {
	const words = list.split(" ");
	const whole = new Set(words.filter((word) => !word.endsWith("*")));
	const stems = new Set(words.filter((word) => word.endsWith("*")).map((word) => word.slice(0, -1)));
	const shortest = Math.min(...[...stems].map((stem) => stem.length));
	return (word) => {
		if (whole.has(word)) return true;
		for (let length = shortest; length <= word.length; length++) if (stems.has(word.slice(0, length))) return true;
		return false;
	};
}
