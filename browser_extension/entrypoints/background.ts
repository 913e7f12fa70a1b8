/** The worker (Chrome) or event page (Firefox): listeners first, since either may be stopped and started by an event. */

import { type Browser, browser } from "wxt/browser";
import { defineBackground } from "wxt/utils/define-background";
import { isPipedrive, originOf, patternOf } from "@/lib/address";
import { answered, ask, mayDial } from "@/lib/asking";
import { showMenu, startMenu } from "@/lib/menu";
import { callIdOf, noticeOf, standing, takeAway } from "@/lib/notifying";
import type { DialAnswer, DialOrder, RecordRef } from "@/lib/orders";
import { signOff } from "@/lib/pairing";
import { recordOf } from "@/lib/record";
import { type DisconnectAnswer, type Request, readOrder } from "@/lib/requests";
import { sayAsItGoes } from "@/lib/saying";
import { startShortcut } from "@/lib/shortcut";
import { leaveOpenTabs, reachOpenTabs, register, tellOpenTabs } from "@/lib/sites";
import { language, pairing, quiet, sites } from "@/lib/store";
import { ALARM, CONNECT, Switchboard } from "@/lib/switchboard";
import { openRecord } from "@/lib/tabs";
import type { Call } from "@/lib/wire";

type Sender = Browser.runtime.MessageSender;

const board = new Switchboard();

export default defineBackground({
	type: "module",
	main() {
		browser.runtime.onInstalled.addListener(({ reason }) => void installed(reason));
		browser.runtime.onStartup.addListener(() => void register().then(showMenu));
		browser.permissions.onAdded.addListener(() => void register().then(reachOpenTabs));
		browser.permissions.onRemoved.addListener(() => void register());
		browser.alarms.onAlarm.addListener(({ name }) => {
			if (name === ALARM) void board.wake();
		});
		browser.runtime.onMessage.addListener((message: unknown, sender, respond) => {
			const answer = isOwnPage(sender) ? fromOwnPage(message) : fromPage(message, sender);
			void answer?.then(respond, () => respond());
			return answer ? true : undefined;
		});
		browser.notifications.onClicked.addListener((id) => void clicked(id));
		browser.notifications.onClosed.addListener((id, byPerson) => {
			const call = callIdOf(id);
			if (call && byPerson) void closed(id, call);
		});
		if (!import.meta.env.FIREFOX) {
			browser.notifications.onButtonClicked.addListener((id, button) => void clicked(id, button));
		}
		sites.watch(() => void register());
		quiet.watch(() => void board.settingsChanged());
		language.watch(() => void board.settingsChanged().then(showMenu));
		startMenu(dialFromBrowser);
		startShortcut(dialFromBrowser);
		self.addEventListener("online", () => void board.hurry());
		// The token is for the worker and our own pages. Where a browser cannot say so our scripts in other people's pages
		// could read it, and do not; those pages themselves never can.
		void browser.storage.local.setAccessLevel?.({ accessLevel: "TRUSTED_CONTEXTS" });
		void board.wake();
	},
});

async function installed(reason: string): Promise<void> {
	if (reason === "install" && !(await pairing.getValue())) await browser.runtime.openOptionsPage();
	await showMenu();
	await register();
	await reachOpenTabs();
}

function isOwnPage(sender: Sender): boolean {
	return sender.id === browser.runtime.id && (sender.url ?? "").startsWith(browser.runtime.getURL("/"));
}

type Handlers = { [Type in Request["type"]]: (request: Extract<Request, { type: Type }>) => Promise<unknown> };

const HANDLERS: Handlers = {
	hurry: () => board.hurry(),
	paired: ({ pairing }) => board.connect(pairing),
	disconnect,
	redial: ({ call }) => redial(board.call(call)),
	open: ({ link }) => openRecord(link, board.hosts),
	answer: async ({ id, yes }) => {
		const order = await answered(id, yes);
		return order && board.dial(order);
	},
	detection: ({ pattern, on }) => tellOpenTabs(pattern, on),
	removed: ({ pattern }) => leaveOpenTabs(pattern),
};

/** Answer the popup, the options page or the window that asks; null for what is not for this listener. */
function fromOwnPage(message: unknown): Promise<unknown> | null {
	const request = message as Request;
	const handle = HANDLERS[request.type] as ((request: Request) => Promise<unknown>) | undefined;
	return handle ? board.wake().then(() => handle(request)) : null;
}

/** Answer a page's script: an order to dial, or null for what is not for this listener. */
function fromPage(message: unknown, sender: Sender): Promise<DialAnswer> | null {
	const order = sender.id === browser.runtime.id ? readOrder(message) : null;
	if (!order) return null;
	const answer = dialFromPage(order, sender);
	void sayAsItGoes({ tab: sender.tab?.id, frame: sender.frameId }, order.number, answer);
	return answer;
}

/** Dial for somebody who asked in the browser's own interface, on whatever page. */
async function dialFromBrowser(order: DialOrder, tab: Browser.tabs.Tab | undefined): Promise<DialAnswer> {
	await board.wake();
	return board.dial({ ...order, record: recordOfTab(tab) });
}

async function dialFromPage(order: DialOrder, { origin: said, url, tab, frameId }: Sender): Promise<DialAnswer> {
	await board.wake();
	const origin = said ?? originOf(url);
	const pipedrives = isPipedrive(origin, board.hosts);
	// In a frame on somebody else's page a click may have been meant for what seemed to lie there.
	const veiled = pipedrives && frameId !== 0 && !isPipedrive(originOf(tab?.url), board.hosts);
	const ours = pipedrives && !veiled;
	const asker = veiled ? "null" : origin;
	const placed = { ...order, record: (ours && order.record) || recordOfTab(tab) };
	if (!board.paired || ours || (await mayDial(asker))) return board.dial(placed);
	await ask(placed, asker, new URL(origin === "null" ? (tab?.url ?? "about:blank") : origin).host);
	return { ok: true, state: "asking" };
}

/** The record on whose page somebody is, whichever frame of it they clicked in. */
function recordOfTab(tab: Browser.tabs.Tab | undefined): RecordRef | null {
	return tab?.url && isPipedrive(originOf(tab.url), board.hosts) ? recordOf(tab.url) : null;
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

/** A notification that gave way to a newer one of its call is closed too, but not by its person. */
async function closed(id: string, call: string): Promise<void> {
	if (!(await standing(id)).length) await board.closed(call);
}

/** One click opens the record; where several may be meant, a small window offers them. */
async function clicked(id: string, button?: number): Promise<void> {
	await board.wake();
	const callId = callIdOf(id);
	if (callId) {
		const call = board.call(callId);
		if (call) await openCall(call, button);
	} else if (noticeOf(id) === CONNECT) {
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
