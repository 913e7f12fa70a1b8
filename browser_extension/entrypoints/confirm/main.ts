/** The question before a site's first call. */

import "@/styles/pages.css";
import { questionOf } from "@/lib/asking";
import { fill, h, part } from "@/lib/dom";
import { currentLanguage, wordsOf } from "@/lib/i18n";
import { request } from "@/lib/requests";
import { afterRest } from "@/lib/rest";

const tongue = await currentLanguage();
const words = wordsOf(tongue);
const question = await questionOf(location.hash.slice(1));
document.documentElement.lang = tongue;
document.title = words("ask_title");

if (question) {
	const { id, host, number } = question;
	const answer = async (yes: boolean) => {
		await request({ type: "answer", id, yes });
		window.close();
	};
	const yes = h("button", { class: "main", onclick: () => void answer(true) }, words("ask_yes"));
	const no = h("button", { onclick: () => void answer(false) }, words("ask_no"));
	const ownOrigin = question.origin !== "null";
	fill(
		part("page"),
		h("h1", {}, words("ask_title")),
		h("p", {}, words(ownOrigin ? "ask_text" : "ask_each_time", { host, number })),
		ownOrigin && h("p", { class: "soft" }, words("ask_effect")),
		h("div", { class: "row" }, yes, no),
	);
	addEventListener("keydown", (event) => {
		if (event.key === "Escape") void answer(false);
	});
	// Nor has it the focus: a key that is pressed for the page must not answer.
	afterRest(yes);
} else {
	fill(part("page"), h("h1", {}, words("ask_title")), h("p", {}, words("ask_over")));
}
