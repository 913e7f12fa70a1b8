/** Bonding this browser with an agent: OAuth's code with PKCE (RFC 7636) through the browser's own window. */

import { browser } from "wxt/browser";
import type { Pairing } from "./store";
import { readAgent } from "./wire";

export type PairingFailure = "denied" | "cancelled" | "unreachable" | "refused";

export class PairingError extends Error {
	constructor(readonly failure: PairingFailure) {
		super(failure);
	}
}

/** What pairing needs of the browser; tests bring their own. */
export interface Pairer {
	readonly client: string;
	readonly redirect: string;
	/** What the person sees in the list of connected browsers, such as "Chrome on Linux". */
	readonly name: string;
	/** Open the address in a window; resolves with the address that it was sent back to. */
	launch(url: string): Promise<string | undefined>;
}

/** The browser's own means. */
export async function thisBrowser(): Promise<Pairer> {
	return {
		client: browser.runtime.id,
		redirect: browser.identity.getRedirectURL("pair"),
		name: await browserName(),
		launch: (url) => browser.identity.launchWebAuthFlow({ url, interactive: true }),
	};
}

/** Ask the agent's leave on the connector's page and trade the code for a token. Raises PairingError. */
export async function pair(address: string, by: Pairer): Promise<Pairing> {
	const verifier = random();
	const state = random();
	const asked = new URL("/pair", address);
	asked.search = new URLSearchParams({
		client: by.client,
		redirect_uri: by.redirect,
		state,
		code_challenge: base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))),
		code_challenge_method: "S256",
		name: by.name,
	}).toString();
	const code = codeFrom(await launched(by, asked.href), by.redirect, state);
	const body = {
		grant_type: "authorization_code",
		code,
		code_verifier: verifier,
		client: by.client,
		redirect_uri: by.redirect,
	};
	const reply = await post(new URL("/pair/token", address), body);
	if (typeof reply.token !== "string" || !reply.token) throw new PairingError("refused");
	return {
		address,
		token: reply.token,
		agent: readAgent(reply.agent),
		company: typeof reply.company === "string" ? reply.company : "",
		hosts: [],
		revoked: false,
	};
}

/** Tell the connector that this browser's token no longer counts; false when it could not be told. */
export async function signOff({ address, token }: Pairing): Promise<boolean> {
	try {
		const response = await fetch(new URL("/line/token", address), {
			method: "DELETE",
			headers: { authorization: `Bearer ${token}` },
			credentials: "omit",
			redirect: "error",
			signal: AbortSignal.timeout(10_000),
		});
		return response.ok || response.status === 401;
	} catch {
		return false;
	}
}

async function launched(by: Pairer, url: string): Promise<string> {
	try {
		return (await by.launch(url)) ?? "";
	} catch (error) {
		// Chrome says so of a page that does not load; everything else is a closed window.
		throw new PairingError(/could not be loaded/i.test(String(error)) ? "unreachable" : "cancelled");
	}
}

function codeFrom(answer: string, redirect: string, state: string): string {
	const parts = answer.startsWith(redirect) ? new URL(answer).searchParams : new URLSearchParams();
	if (parts.get("state") !== state) throw new PairingError("refused");
	if (parts.get("error") === "access_denied") throw new PairingError("denied");
	const code = parts.get("code");
	if (!code) throw new PairingError("refused");
	return code;
}

async function post(url: URL, body: unknown): Promise<Record<string, unknown>> {
	let response: Response;
	try {
		response = await fetch(url, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify(body),
			credentials: "omit",
			redirect: "error",
			signal: AbortSignal.timeout(15_000),
		});
	} catch {
		throw new PairingError("unreachable");
	}
	if (!response.ok) throw new PairingError("refused");
	const reply: unknown = await response.json().catch(() => null);
	return typeof reply === "object" && reply !== null ? (reply as Record<string, unknown>) : {};
}

function random(): string {
	return base64url(crypto.getRandomValues(new Uint8Array(32)).buffer);
}

function base64url(bytes: ArrayBuffer): string {
	const text = String.fromCharCode(...new Uint8Array(bytes));
	return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

const SYSTEMS: Readonly<Record<string, string>> = {
	mac: "macOS",
	win: "Windows",
	cros: "ChromeOS",
	linux: "Linux",
	android: "Android",
	openbsd: "OpenBSD",
};

async function browserName(): Promise<string> {
	const { os } = await browser.runtime.getPlatformInfo();
	const agent = navigator.userAgent;
	const found = [/(Firefox)\//, /(Edg)\//, /(OPR)\//, /(Vivaldi)\//, /(Chrome)\//].map((one) => one.exec(agent)?.[1]);
	const short = found.find(Boolean) ?? "Browser";
	return `${{ Edg: "Edge", OPR: "Opera" }[short] ?? short} on ${SYSTEMS[os] ?? os}`;
}
