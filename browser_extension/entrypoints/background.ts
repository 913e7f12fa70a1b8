/** The worker (Chrome) or event page (Firefox): listeners first, since either may be stopped and started by an event. */

import { type Browser, browser } from "wxt/browser";
import { defineBackground } from "wxt/utils/define-background";
import { isPipedrive, originOf, patternOf } from "@/lib/address";
import { answered, ask, mayDial } from "@/lib/asking";
import { callIdOf, takeAway } from "@/lib/notifying";
import type { DialAnswer, DialOrder } from "@/lib/orders";
import { signOff } from "@/lib/pairing";
import { type DisconnectAnswer, type Request, readOrder } from "@/lib/requests";
import { reachOpenTabs, register, tellOpenTabs } from "@/lib/sites";
import { language, pairing, quiet, sites } from "@/lib/store";
import { ALARM, Switchboard } from "@/lib/switchboard";
import { openRecord } from "@/lib/tabs";
import type { Call } from "@/lib/wire";

type Sender = Browser.runtime.MessageSender;

const board = new Switchboard();

export default defineBackground({
	type: "module",
	main() {
		browser.runtime.onInstalled.addListener(({ reason }) => void installed(reason));
		browser.runtime.onStartup.addListener(() => void register());
		browser.permissions.onAdded.addListener(() => void register().then(reachOpenTabs));
		browser.permissions.onRemoved.addListener(() => void register());
		browser.alarms.onAlarm.addListener(({ name }) => {
			if (name === ALARM) void board.wake();
		});
		browser.runtime.onMessage.addListener((message: unknown, sender, respond) => {
			const answer = isOwnPage(sender) ? fromOwnPage(message as Request) : fromPage(message, sender);
			void answer.then(respond, () => respond());
			return true;
		});
		browser.notifications.onClicked.addListener((id) => void clicked(id));
		browser.notifications.onClosed.addListener((id, byPerson) => {
			const call = callIdOf(id);
			if (call && byPerson) void board.closed(call);
		});
		if (!import.meta.env.FIREFOX) {
			browser.notifications.onButtonClicked.addListener((id, button) => void clicked(id, button));
		}
		sites.watch(() => void register());
		quiet.watch(() => void board.settingsChanged());
		language.watch(() => void board.settingsChanged());
		self.addEventListener("online", () => void board.hurry());
		void board.wake();
	},
});

async function installed(reason: string): Promise<void> {
	await register();
	await reachOpenTabs();
	if (reason === "install" && !(await pairing.getValue())) await browser.runtime.openOptionsPage();
}

function isOwnPage(sender: Sender): boolean {
	return sender.id === browser.runtime.id && (sender.url ?? "").startsWith(browser.runtime.getURL("/"));
}

async function fromOwnPage(request: Request): Promise<unknown> {
	await board.wake();
	switch (request.type) {
		case "hurry":
			return board.hurry();
		case "paired":
			return board.connect(request.pairing);
		case "disconnect":
			return disconnect();
		case "redial":
			return redial(board.call(request.call));
		case "open":
			return openRecord(request.link, board.hosts);
		case "answer": {
			const order = await answered(request.id, request.yes);
			return order && board.dial(order);
		}
		case "detection":
			return tellOpenTabs(request.pattern, request.on);
	}
}

async function fromPage(message: unknown, sender: Sender): Promise<DialAnswer | undefined> {
	const order = readOrder(message);
	if (!order || sender.id !== browser.runtime.id) return undefined;
	await board.wake();
	const origin = sender.origin ?? originOf(sender.url);
	const placed = { ...order, record: isPipedrive(origin, board.hosts) ? order.record : null };
	if (!board.paired || isPipedrive(origin, board.hosts) || (await mayDial(origin))) return board.dial(placed);
	await ask(placed, origin, new URL(origin === "null" ? (sender.tab?.url ?? "about:blank") : origin).host);
	return { ok: true, state: "asking" };
}

async function disconnect(): Promise<DisconnectAnswer> {
	const was = await pairing.getValue();
	const told = !was || was.revoked || (await signOff(was));
	await board.disconnect();
	if (was) {
		const pattern = patternOf(was.address);
		const wanted = (await sites.getValue()).some((site) => site.pattern === pattern);
		// What the build itself is allowed cannot be given back.
		if (!wanted) await browser.permissions.remove({ origins: [pattern] }).catch(() => false);
	}
	return { told };
}

async function redial(call: Call | undefined): Promise<DialAnswer> {
	if (!call?.number) return { ok: false, reason: "number_invalid" };
	const only = call.candidates.length === 1 ? call.candidates[0] : undefined;
	const record = call.record ?? (only ? { entity: only.entity, id: only.id } : null);
	const order: DialOrder = { type: "dial", number: call.number, record, source: "popup" };
	return board.dial(order);
}

/** One click opens the record; where several may be meant, a small window offers them. */
async function clicked(id: string, button?: number): Promise<void> {
	await board.wake();
	const callId = callIdOf(id);
	if (callId) {
		const call = board.call(callId);
		if (call) await openCall(call, button);
	} else if (id === "connect") {
		await browser.runtime.openOptionsPage();
	}
	await takeAway(id);
}

async function openCall(call: Call, button?: number): Promise<void> {
	const [first] = call.candidates;
	const chosen = button === undefined ? (call.candidates.length === 1 ? first : undefined) : call.candidates[button];
	if (chosen) await openRecord(chosen.link, board.hosts);
	else if (call.candidates.length > 1) {
		const url = browser.runtime.getURL(`/popup.html#${call.id}`);
		await browser.windows.create({ url, type: "popup", focused: true, width: 400, height: 480 });
	} else await openRecord(call.link || call.new_person, board.hosts);
}
