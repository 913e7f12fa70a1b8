/** Connecting this browser with an agent, and leaving. */

import { browser } from "wxt/browser";
import { patternOf, readAddress } from "@/lib/address";
import { fill, h } from "@/lib/dom";
import type { Words } from "@/lib/i18n";
import { managedAddress } from "@/lib/managed";
import { PairingError, pair, thisBrowser } from "@/lib/pairing";
import { type DisconnectAnswer, request } from "@/lib/requests";
import * as store from "@/lib/store";
import { type Part, saying } from "./part";

export function connection(words: Words): Part {
	const told = saying();
	const body = h("div", { class: "stack" });
	const input = h("input", {
		id: "address",
		type: "text",
		inputmode: "url",
		autocomplete: "url",
		spellcheck: "false",
		"aria-describedby": "address-hint",
	});

	async function connect(event: Event): Promise<void> {
		event.preventDefault();
		const address = readAddress(input.value);
		if (!address) {
			input.setAttribute("aria-invalid", "true");
			input.focus();
			return told.say(words("address_wrong"), true);
		}
		input.removeAttribute("aria-invalid");
		const host = new URL(address).host;
		// Asked before anything is awaited: browsers want the click itself.
		const allowed = await browser.permissions.request({ origins: [patternOf(address)] }).catch(() => false);
		if (!allowed) return told.say(words("pair_permission", { host }), true);
		await store.address.setValue(address);
		told.say(words("connecting"));
		try {
			await request({ type: "paired", pairing: await pair(address, await thisBrowser()) });
			told.say("");
		} catch (error) {
			if (!(error instanceof PairingError)) throw error;
			told.say(words(`pair_${error.failure}`, { host }), true);
		}
	}

	async function disconnect(): Promise<void> {
		const answer = await request<DisconnectAnswer>({ type: "disconnect" });
		told.say(words(answer.told ? "disconnected" : "disconnected_here"), !answer.told);
	}

	const hint = h("p", { id: "address-hint", class: "soft" }, words("address_hint"));
	const form = h(
		"form",
		{ novalidate: true, onsubmit: (event) => void connect(event) },
		h("label", { for: "address" }, words("address_label")),
		h("div", { class: "row" }, input, h("button", { class: "main", type: "submit" }, words("connect"))),
		hint,
	);

	async function refresh(): Promise<void> {
		const [pairing, typed] = await Promise.all([store.pairing.getValue(), store.address.getValue()]);
		if (pairing && !pairing.revoked) {
			fill(body, ...standing(pairing, words, () => void disconnect()));
			return;
		}
		input.value ||= typed || pairing?.address || "";
		if (!body.contains(form)) fill(body, form);
		if (pairing?.revoked && !told.element.textContent) told.say(words("line_revoked"), true);
		// Browsers take a second to read a policy for the first time.
		const managed = await managedAddress();
		if (!managed) return;
		input.value = managed;
		input.readOnly = true;
		fill(hint, words("address_managed"));
	}

	const element = h("section", { "aria-labelledby": "connection" }, h("h2", { id: "connection" }, words("connection")));
	element.append(body, told.element);
	return { element, refresh };
}

function standing(pairing: store.Pairing, words: Words, leave: () => void): Node[] {
	const { agent, company, address } = pairing;
	const values = { agent: agent.name || agent.login, company, host: new URL(address).host };
	return [
		h("p", {}, words("connected_to", values)),
		h(
			"div",
			{ class: "row" },
			h("button", { id: "disconnect", onclick: leave }, words("disconnect")),
			h("a", { href: address, target: "_blank", rel: "noreferrer" }, words("manage_devices")),
		),
	];
}
