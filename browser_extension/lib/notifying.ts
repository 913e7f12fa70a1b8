/** Notifications of the browser: one per call, whatever the number of windows. */

import { browser } from "wxt/browser";
import type { Notice } from "./notice";

const ICON = "/icon/128.png" as const;
const CALL = "call:";

/** The notification of a call. */
export const noticeId = (callId: string): string => CALL + callId;

/** The call of a notification; null for one that is of no call. */
export const callIdOf = (notification: string): string | null =>
	notification.startsWith(CALL) ? notification.slice(CALL.length) : null;

/** Show a notice, in the place of the one that stands under the same id. */
export async function show(id: string, notice: Notice): Promise<void> {
	const basic = {
		type: "basic" as const,
		iconUrl: browser.runtime.getURL(ICON),
		title: notice.title,
		message: notice.message,
	};
	if (import.meta.env.FIREFOX) {
		await browser.notifications.create(id, basic);
		return;
	}
	const options = {
		...basic,
		requireInteraction: notice.sticky,
		silent: notice.quietly,
		buttons: notice.choices.map((title) => ({ title })),
	};
	// An update keeps the notification where it stands, but does not bring back what was closed.
	const stands = notice.quietly && (await browser.notifications.update(id, options));
	if (!stands) await browser.notifications.create(id, options);
}

/** Tell something that is about no call. */
export function say(id: string, title: string, message: string): Promise<void> {
	return show(id, { title, message, sticky: false, quietly: false, choices: [] });
}

export async function takeAway(id: string): Promise<void> {
	await browser.notifications.clear(id);
}
