/** The popup: how things stand, the last calls, and, opened for one call of several candidates, who calls. */

import "@/styles/pages.css";
import { browser } from "wxt/browser";
import { isLive, signOf } from "@/lib/badge";
import { fill, h, type Icon, icon, part } from "@/lib/dom";
import { currentLanguage, type Words, wordsOf } from "@/lib/i18n";
import { aboutInWords, whoIs } from "@/lib/notice";
import { callLine } from "@/lib/outcome";
import { request } from "@/lib/requests";
import * as store from "@/lib/store";
import type { Call } from "@/lib/wire";

const chosen = location.hash.slice(1);

async function render(): Promise<void> {
	const [tongue, pairing, line, quiet, calls] = await Promise.all([
		currentLanguage(),
		store.pairing.getValue(),
		store.line.getValue(),
		store.quiet.getValue(),
		store.calls.getValue(),
	]);
	const words = wordsOf(tongue);
	document.documentElement.lang = tongue;
	document.title = words("name");
	const call = calls.find((one) => one.id === chosen);
	document.body.classList.toggle("window", Boolean(chosen));
	if (call) {
		fill(part("head"), h("h1", {}, words("who_calls")), h("p", { class: "soft" }, candidatesText(call, words)));
		fill(part("calls"), candidates(call, words));
		return;
	}
	renderHead({ pairing, line, quiet, calls }, words);
	fill(
		part("calls"),
		h("h1", {}, words("calls_title")),
		calls.length
			? h("ul", { class: "calls" }, ...calls.map((one) => callRow(one, tongue, words)))
			: h("p", { class: "soft" }, words("no_calls")),
	);
}

function renderHead(standing: Parameters<typeof signOf>[0], words: Words): void {
	const { pairing, line, quiet } = standing;
	const paired = pairing !== null && !pairing.revoked;
	const lost = !paired || line === "offline" || line === "too_many";
	const look: [string, Icon] = lost
		? ["broken", "broken"]
		: line === "open" || line === "polling"
			? ["good", "good"]
			: ["busy", "wait"];
	// Do not disturb is said beside its own switch.
	const { sentence } = signOf({ ...standing, quiet: false }, words);
	fill(
		part("head"),
		h("p", { class: "state", role: "status" }, h("span", { class: look[0] }, icon(look[1])), sentence),
		h(
			"div",
			{ class: "row" },
			paired
				? h(
						"label",
						{ class: "check" },
						h("input", {
							id: "quiet",
							type: "checkbox",
							role: "switch",
							checked: quiet,
							onchange: (event) => void store.quiet.setValue((event.target as HTMLInputElement).checked),
						}),
						words("do_not_disturb"),
					)
				: h("button", { id: "connect", class: "main", onclick: openOptions }, words("connect_now")),
			h("button", { id: "settings", onclick: openOptions }, words("settings")),
		),
	);
}

function callRow(call: Call, tongue: string, words: Words): HTMLElement {
	const who = whoIs(call, words);
	const only = call.candidates.length === 1 ? call.candidates[0] : undefined;
	const link = only?.link || call.link || call.new_person;
	const { outcome, when, grave } = callLine(call, tongue, words);
	return h(
		"li",
		{},
		icon(call.direction === "in" ? "inbound" : "outbound"),
		h(
			"div",
			{},
			h("span", { class: "unseen" }, `${words(call.direction === "in" ? "inbound" : "outbound")}: `),
			h("strong", {}, who),
			only && h("span", { class: "soft" }, [call.number_shown, aboutInWords(only, words)].filter(Boolean).join(" · ")),
			h(
				"div",
				{},
				h("span", { class: isLive(call) ? "busy" : grave ? "broken" : "" }, outcome),
				when && h("span", { class: "soft" }, ` · ${when}`),
			),
			call.candidates.length > 1 && candidates(call, words),
		),
		h(
			"div",
			{ class: "deeds" },
			link &&
				button(
					`open-${call.id}`,
					only || call.link ? "open" : "add",
					only || call.link ? words("open_record_who", { who }) : words("add_person"),
					() => open(link),
				),
			call.number &&
				!isLive(call) &&
				button(`again-${call.id}`, "phone", words("call_again_who", { who }), () =>
					request({ type: "redial", call: call.id }),
				),
		),
	);
}

function candidates(call: Call, words: Words): HTMLElement {
	const rows = call.candidates.map((one) =>
		h(
			"li",
			{},
			icon(one.entity),
			h("div", {}, h("strong", {}, one.name), h("span", { class: "soft" }, aboutInWords(one, words))),
			h(
				"div",
				{ class: "deeds" },
				button(`open-${call.id}-${one.entity}-${one.id}`, "open", words("open_record_who", { who: one.name }), () =>
					open(one.link),
				),
			),
		),
	);
	const more = words("and_more", { count: call.others });
	return h(
		"ul",
		{ class: "calls" },
		...rows,
		call.others > 0 && h("li", {}, icon("person"), h("div", { class: "soft" }, more)),
	);
}

function candidatesText(call: Call, words: Words): string {
	return words("who_calls_text", { number: call.number_shown, count: call.candidates.length + call.others });
}

function button(id: string, sign: Icon, label: string, act: () => Promise<unknown>): HTMLElement {
	return h("button", { id, class: "icon", title: label, "aria-label": label, onclick: () => void act() }, icon(sign));
}

async function open(link: string): Promise<void> {
	await request({ type: "open", link });
	window.close();
}

function openOptions(): void {
	void browser.runtime.openOptionsPage().then(() => window.close());
}

for (const item of [store.pairing, store.line, store.quiet, store.language, store.calls]) {
	item.watch(() => void render());
}
await render();
await request({ type: "hurry" });
