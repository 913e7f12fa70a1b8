/** Looks for numbers in a page when the browser has nothing else to do, and again where the page changes. */

import type { CountryCode } from "libphonenumber-js/max/es6";
import { type Block, blockAround, blocksOf } from "./blocks";
import { Marks } from "./marks";
import { findNumbers } from "./numbers";

/** Milliseconds of the main thread at a time, when the browser does not say how many it has to spare. */
const SLICE_MS = 4;
const PATIENCE_MS = 1_000;
/** Steps between two looks at the clock, which cost more than a step without a number. */
const STEPS = 8;
const WATCHED = { childList: true, characterData: true, subtree: true } as const;

type Root = Element | ShadowRoot;

export class Detector {
	readonly marks = new Marks();
	readonly #region: CountryCode | null;
	/** Elements to look at, and whether at all that is in them. */
	readonly #due = new Map<Root, boolean>();
	/** Nodes that changed or came since. */
	readonly #changed = new Set<Node>();
	/** Elements of the page's own kinds, which get their shadow roots without a change that can be seen. */
	readonly #hosts = new Set<Element>();
	readonly #watched = new WeakSet<Node>();
	readonly #observer = new MutationObserver((changes) => this.#note(changes));
	#walk: Iterator<void> | null = null;
	#idle = 0;

	/** @param region whose national numbers are meant */
	constructor(region: CountryCode | null) {
		this.#region = region;
	}

	/** Look at a page, and watch it from then on. */
	start(body: Element): void {
		this.#watch(document);
		this.#want(body, true);
		this.#wake();
	}

	/** Leave the page as it was. */
	stop(): void {
		this.#observer.disconnect();
		cancelIdleCallback(this.#idle);
		this.#changed.clear();
		this.#hosts.clear();
		this.#due.clear();
		this.#walk = null;
		this.marks.end();
	}

	#watch(root: Node): void {
		if (this.#watched.has(root)) return;
		this.#watched.add(root);
		this.#observer.observe(root, WATCHED);
	}

	/** Only note what changed: the page waits for this. */
	#note(changes: readonly MutationRecord[]): void {
		for (const { target, addedNodes } of changes) {
			if (addedNodes.length) for (const node of addedNodes) this.#changed.add(node);
			else this.#changed.add(target);
		}
		this.#wake();
	}

	/** What has to be looked at because of a node that changed or came. */
	#consider(node: Node): void {
		const block = blockAround(node);
		if (block) this.#want(block, block === node && node instanceof Element);
	}

	#want(root: Root, deep: boolean): void {
		this.#due.set(root, deep || this.#due.get(root) === true);
	}

	#wake(): void {
		this.#idle ||= requestIdleCallback((deadline) => this.#work(deadline), { timeout: PATIENCE_MS });
	}

	/** Work until the browser wants to draw or to answer somebody. */
	#work(deadline: IdleDeadline): void {
		this.#idle = 0;
		const until = performance.now() + Math.min(deadline.didTimeout ? SLICE_MS : deadline.timeRemaining(), SLICE_MS);
		do {
			this.#walk ??= this.#lookAtAll();
			for (let steps = 0; steps < STEPS; steps++) {
				if (!this.#walk.next().done) continue;
				this.#walk = null;
				return;
			}
		} while (performance.now() < until);
		this.#wake();
	}

	*#lookAtAll(): Generator<void, void> {
		for (const host of this.#hosts) {
			if (host.isConnected && !host.shadowRoot) continue;
			this.#hosts.delete(host);
			if (host.isConnected && host.shadowRoot) this.#enter(host.shadowRoot);
		}
		for (const node of this.#changed) {
			this.#changed.delete(node);
			this.#consider(node);
			yield;
		}
		for (const [root, deep] of this.#due) {
			this.#due.delete(root);
			if (!root.isConnected) continue;
			this.marks.forget(root);
			for (const met of blocksOf(root, deep, (block) => this.marks.forget(block))) {
				if (met instanceof ShadowRoot) this.#enter(met);
				else if (met instanceof Element) this.#hosts.add(met);
				else if (met) this.#mark(met);
				yield;
			}
			yield;
		}
		this.marks.forgetGone();
	}

	#enter(root: ShadowRoot): void {
		this.#watch(root);
		this.#due.set(root, true);
	}

	#mark(block: Block): void {
		for (const found of findNumbers(block.text, block.before, this.#region)) this.marks.add(block, found);
	}
}
