/** Whose national numbers a page means. Pure. */

import { type CountryCode, isSupportedCountry } from "libphonenumber-js/max/es6";

/** Domains whose letters are not those of their country. */
const OTHERWISE: Record<string, CountryCode> = { uk: "GB" };
/** Two-letter domains that are used for anything. */
const ANYTHING = new Set(["IO", "CO", "ME", "TV", "AI", "FM", "LY", "CC", "WS", "SH", "GG", "TO", "LA", "VC", "AC"]);

/** Choose a country: by the page's language ("pl-PL"), its domain (".pl"), its bare language, the browser's languages. */
export function regionOf(language: string, host: string, own: readonly string[]): CountryCode | null {
	const domain = host.split(".").at(-1) ?? "";
	// One after the other: the browser takes milliseconds to think of the country of a language.
	const candidates: (() => string)[] = [
		() => countryIn(language),
		() => OTHERWISE[domain] ?? (ANYTHING.has(domain.toUpperCase()) ? "" : domain.toUpperCase()),
		() => likelyCountry(language),
		...own.map((one) => () => countryIn(one)),
		...own.map((one) => () => likelyCountry(one)),
	];
	for (const candidate of candidates) {
		const country = candidate();
		if (country && isSupportedCountry(country)) return country;
	}
	return null;
}

function countryIn(language: string): string {
	return /[-_]([a-z]{2})(?:$|[-_])/i.exec(language)?.[1]?.toUpperCase() ?? "";
}

/** The country where most of those live who speak a language: PL for "pl", and none for English. */
function likelyCountry(language: string): string {
	if (!language || /^en\b/i.test(language)) return "";
	// The commonest here, without the wait.
	if (/^pl\b/i.test(language)) return "PL";
	try {
		return new Intl.Locale(language).maximize().region ?? "";
	} catch {
		return "";
	}
}
