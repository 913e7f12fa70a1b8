// Pack both builds for the stores, after looking whether they keep within their limits.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { zip } from "./zip.mjs";

// What is in every page of an allowed site must be small; the rest loads on demand.
const LIMITS = { "phone-links.js": 15 * 1024 };
const REMOTE = /\b(?:eval|importScripts)\(|new Function\(|import\(\s*["'`]https?:/;

const root = new URL("..", import.meta.url).pathname;
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
// A folder of its own serves tests that build side by side.
const out = process.env.CLICK_TO_CALL_OUT ?? join(root, ".output");
const dist = process.env.CLICK_TO_CALL_OUT ?? join(root, "dist");
mkdirSync(dist, { recursive: true });

for (const browser of ["chrome", "firefox"]) {
	const folder = join(out, `${browser}-mv3`);
	const names = readdirSync(folder, { recursive: true }).filter((name) => statSync(join(folder, name)).isFile());
	const files = names.map((name) => [name.replaceAll("\\", "/"), readFileSync(join(folder, name))]);
	for (const [name, bytes] of files) {
		if (bytes.length > (LIMITS[name] ?? Infinity))
			fail(`${browser}/${name} has ${bytes.length} bytes: ${LIMITS[name]} are allowed`);
		if (name.endsWith(".js") && REMOTE.test(bytes.toString())) fail(`${browser}/${name} runs code that is not its own`);
		if (bytes.includes(root)) fail(`${browser}/${name} names a folder of this machine`);
	}
	for (const name of Object.keys(LIMITS)) if (!names.includes(name)) fail(`${browser}/${name} is missing`);
	const packed = zip(files);
	const target = join(dist, `click-to-call-${version}-${browser}.zip`);
	writeFileSync(target, packed);
	const digest = createHash("sha256").update(packed).digest("hex");
	process.stdout.write(`${digest}  ${relative(join(root, ".."), target)}\n`);
}

function fail(why) {
	process.stderr.write(`${why}\n`);
	process.exit(1);
}
