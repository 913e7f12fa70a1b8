/** How long to wait before another try, and a wait that can be cut short. */

const SECOND = 1000;
const LONGEST = 60 * SECOND;

/** Milliseconds before try number `failures` + 1: doubling to a minute, half of it by chance so that many browsers do not come at once. */
export function backOff(failures: number, chance: () => number = Math.random): number {
	const whole = Math.min(LONGEST, SECOND * 2 ** Math.min(failures, 10));
	return whole / 2 + (whole / 2) * chance();
}

/** Milliseconds to stay with the long poll before the socket is tried anew: half a minute, doubling to ten. */
export function pollWindow(failures: number): number {
	return Math.min(600 * SECOND, 30 * SECOND * 2 ** Math.min(Math.max(failures - 1, 0), 5));
}

/** One wait at a time, which `end` cuts short. */
export class Wait {
	#finish: (() => void) | null = null;

	for(milliseconds: number): Promise<void> {
		return new Promise((resolve) => {
			const timer = setTimeout(() => this.end(), milliseconds);
			this.#finish = () => {
				clearTimeout(timer);
				resolve();
			};
		});
	}

	end(): void {
		this.#finish?.();
		this.#finish = null;
	}
}
