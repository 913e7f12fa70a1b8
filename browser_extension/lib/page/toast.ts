/** A short word on the page about the call. The page cannot read it, style it or press anything in it. */

const SHOWN_MS = 5_000;
const FAILURE_MS = 10_000;
const COMING_MS = 150;
const SAID_AFTER_MS = 30;

const COLOURS = {
	light: { ink: "#1d2529", surface: "#ffffff", line: "#c4cdd1", good: "#0f6b66", bad: "#a8281f" },
	dark: { ink: "#e6ecee", surface: "#1d2427", line: "#465258", good: "#5cc4bc", bad: "#ff9a8f" },
} as const;

/** Shows one text at a time; a new one takes the place of the old. */
export class Toast {
	#host: HTMLElement | null = null;
	#bubble: HTMLElement | null = null;
	#saying: ReturnType<typeof setTimeout> | undefined;
	#leaving: ReturnType<typeof setTimeout> | undefined;

	/** Show a text; `bad` ones stay longer and are read out at once. */
	show(text: string, bad: boolean): void {
		const bubble = this.#place();
		clearTimeout(this.#leaving);
		const scheme = matches("(prefers-color-scheme: dark)") ? COLOURS.dark : COLOURS.light;
		bubble.setAttribute("role", bad ? "alert" : "status");
		bubble.style.cssText = [
			"all:initial;box-sizing:border-box;display:block;max-width:100%;padding:12px 16px;border-radius:8px",
			"font:15px/1.45 system-ui,sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:anywhere",
			`color:${scheme.ink};background:${scheme.surface};border:1px solid ${scheme.line}`,
			`border-left:4px solid ${bad ? scheme.bad : scheme.good};box-shadow:0 4px 16px #0004`,
		].join(";");
		// A little later: a live region is read out when its words change, not when it comes.
		clearTimeout(this.#saying);
		this.#saying = setTimeout(() => {
			bubble.textContent = text;
		}, SAID_AFTER_MS);
		if (!matches("(prefers-reduced-motion: reduce)")) {
			bubble.animate([{ opacity: 0, translate: "0 8px" }, { opacity: 1 }], COMING_MS);
		}
		this.#leaving = setTimeout(() => this.hide(), bad ? FAILURE_MS : SHOWN_MS);
	}

	/** Take it away and leave nothing on the page. */
	hide(): void {
		clearTimeout(this.#leaving);
		this.#host?.remove();
		this.#host = null;
		this.#bubble = null;
	}

	#place(): HTMLElement {
		if (this.#host?.isConnected && this.#bubble) return this.#bubble;
		this.hide();
		const host = document.createElement("div");
		// Styles as properties, since a page's policy may forbid style elements; important, since its sheets reach the host.
		for (const rule of [
			"all:initial",
			"position:fixed",
			"inset:auto 16px 16px auto",
			"z-index:2147483647",
			"display:block",
			"box-sizing:border-box",
			"max-width:min(360px,calc(100vw - 32px))",
			"margin:0",
			"padding:0",
			"border:0",
			"background:none",
			"overflow:visible",
			"pointer-events:none",
		]) {
			const [name, value] = rule.split(":") as [string, string];
			host.style.setProperty(name, value, "important");
		}
		const bubble = document.createElement("div");
		host.attachShadow({ mode: "closed" }).append(bubble);
		document.documentElement.append(host);
		// Above the page's own dialogs, where the browser knows popovers.
		if ("showPopover" in host) {
			host.popover = "manual";
			host.showPopover();
		}
		this.#host = host;
		this.#bubble = bubble;
		return bubble;
	}
}

function matches(query: string): boolean {
	return typeof matchMedia === "function" && matchMedia(query).matches;
}
