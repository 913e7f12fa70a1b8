/** Only on sites where somebody switched it on: numbers in plain text are underlined, and a click calls them. */

import { browser } from "wxt/browser";
import { defineUnlistedScript } from "wxt/utils/define-unlisted-script";
import { clicksOnMarks } from "@/lib/detection/clicks";
import { Detector } from "@/lib/detection/detector";
import { regionOf } from "@/lib/detection/region";

/** Set where this script ran before in the same page: the new one takes over. */
const here = globalThis as { stopDetection?: () => void };

export default defineUnlistedScript(() => {
	here.stopDetection?.();
	// A browser without highlights would need the page to be changed.
	if (!("highlights" in CSS) || !document.body) return;
	const detector = new Detector(regionOf(document.documentElement.lang, location.hostname, navigator.languages));
	const hearing = clicksOnMarks(window, detector.marks);
	const told = (message: { type?: unknown; on?: unknown } | null): void => {
		if (message?.type === "detection" && message.on === false) here.stopDetection?.();
	};
	browser.runtime.onMessage.addListener(told);
	hearing.signal.addEventListener("abort", () => detector.stop());
	here.stopDetection = () => {
		hearing.stop();
		browser.runtime.onMessage?.removeListener(told);
	};
	detector.start(document.body);
});
