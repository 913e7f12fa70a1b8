/** What an administrator preset by policy (`3rdparty`, in either browser). */

import { browser } from "wxt/browser";
import { readAddress, readSite } from "./address";

/** The preset address of the connector; "" for none. */
export async function managedAddress(): Promise<string> {
	const { address } = await read();
	return (typeof address === "string" && readAddress(address)) || "";
}

/** Sites that the administrator proposes, as match patterns. The person still allows each. */
export async function managedSites(): Promise<readonly string[]> {
	const { sites } = await read();
	const typed = Array.isArray(sites) ? sites.filter((site) => typeof site === "string") : [];
	return typed.map(readSite).filter((site) => site !== null);
}

async function read(): Promise<Record<string, unknown>> {
	// Firefox refuses to read where no policy is set.
	return browser.storage.managed.get(null).catch(() => ({}));
}
