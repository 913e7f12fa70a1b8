/** Notifications of the browser: one per call, whatever the number of windows. */

import { browser } from "wxt/browser";
import type { Notice } from "./notice";

const ICON = "/icon/128.png" as const;
const CALL = "call:";
/** What follows is no part of a notice's id: in Firefox each notification needs an id of its own. */
const TURN = "#";

/** The id of a call's notice. */
export const noticeId = (callId: string): string => CALL + callId;

/** The id of the notice that a notification shows. */
export const noticeOf = (notification: string): string => notification.split(TURN, 1)[0] ?? "";

/** The call of a notification; null for one that is of no call. */
export const callIdOf = (notification: string): string | null =>
	notification.startsWith(CALL) ? noticeOf(notification).slice(CALL.length) : null;

/** The notifications that stand of a notice: none, or one but for a moment. */
export async function standing(notification: string): Promise<string[]> {
	const id = noticeOf(notification);
	return Object.keys(await browser.notifications.getAll()).filter((other) => noticeOf(other) === id);
}

/** Show a notice in the place of the one that stands under the same id; where none stands only if it is `anew`. */
export async function show(id: string, notice: Notice, anew = true): Promise<void> {
	const basic = {
		type: "basic" as const,
		iconUrl: browser.runtime.getURL(ICON),
		title: notice.title,
		message: notice.message,
	};
	if (import.meta.env.BROWSER === "firefox") {
		// Made anew under the same id, it would be forgotten as soon as the one before has gone.
		const before = await standing(id);
		if (!anew && !before.length) return;
		await browser.notifications.create(id + TURN + crypto.randomUUID(), basic);
		await Promise.all(before.map((one) => browser.notifications.clear(one)));
		return;
	}
	const options = {
		...basic,
		requireInteraction: notice.sticky,
		silent: notice.quietly || !anew,
		buttons: notice.choices.map((title) => ({ title })),
	};
	// An update keeps the notification where it stands, but does not bring back what was closed.
	const stands = (notice.quietly || !anew) && (await browser.notifications.update(id, options));
	if (!stands && anew) await browser.notifications.create(id, options);
}

/** Tell something that is about no call. */
export function say(id: string, title: string, message: string): Promise<void> {
	return show(id, { title, message, sticky: false, quietly: false, choices: [] });
}

export async function takeAway(notification: string): Promise<void> {
	await Promise.all((await standing(notification)).map((one) => browser.notifications.clear(one)));
}
