/** Present on every page of the sites that somebody allowed, so: small, quick, and without libraries. */

import { browser } from "wxt/browser";
import { defineUnlistedScript } from "wxt/utils/define-unlisted-script";
import { listen } from "@/lib/page/clicks";
import { Toast } from "@/lib/page/toast";
import type { Saying } from "@/lib/saying";

/** Set where this script ran before in the same page: the new one takes over. */
const here = globalThis as { stopPhoneLinks?: () => void };

export default defineUnlistedScript(() => {
	here.stopPhoneLinks?.();
	const stop = listen(window);
	let toast: Toast | null = null;
	const told = (message: Saying | { readonly type: "leave" }): void => {
		if (message?.type === "leave") here.stopPhoneLinks?.();
		if (message?.type !== "say") return;
		toast ??= new Toast();
		toast.show(message.text, message.bad);
	};
	browser.runtime.onMessage.addListener(told);
	here.stopPhoneLinks = () => {
		stop();
		toast?.hide();
		browser.runtime.onMessage.removeListener(told);
	};
});
