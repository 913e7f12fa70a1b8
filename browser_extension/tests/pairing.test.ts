import { createHash } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Pairer, PairingError, pair, signOff } from "@/lib/pairing";
import { Connector, HELLO } from "./connector";

const REDIRECT = "https://mamhhpekdoamlgbkfbdfgljfflipojfn.chromiumapp.org/pair";
const TOKEN = { token: "line_new", agent: HELLO.agent, company: "Acme", pipedrive: "https://acme.pipedrive.com" };

let connector: Connector;
let asked: URL;

/** A browser whose person answers as told. */
const browserThat = (answers: (state: string) => string | Error): Pairer => ({
	client: "mamhhpekdoamlgbkfbdfgljfflipojfn",
	redirect: REDIRECT,
	name: "Chrome on Linux",
	launch: async (url) => {
		asked = new URL(url);
		const answer = answers(asked.searchParams.get("state") ?? "");
		if (answer instanceof Error) throw answer;
		return answer;
	},
});

const allows = browserThat((state) => `${REDIRECT}?code=c0de&state=${state}`);

async function failureOf(by: Pairer, address = connector.address): Promise<string> {
	const error = await pair(address, by).catch((raised: unknown) => raised);
	return error instanceof PairingError ? error.failure : String(error);
}

beforeEach(async () => {
	connector = await Connector.start();
	connector.replies["/pair/token"] = { status: 200, body: TOKEN };
});

afterEach(() => connector.stop());

test("a code is traded for a token with the verifier of its challenge", async () => {
	const pairing = await pair(connector.address, allows);

	expect(pairing).toMatchObject({ address: connector.address, token: "line_new", agent: HELLO.agent, revoked: false });
	const body = connector.posts[0]?.body as Record<string, string>;
	const challenge = createHash("sha256")
		.update(body.code_verifier ?? "")
		.digest("base64url");
	expect(asked.searchParams.get("code_challenge")).toBe(challenge);
	expect(Object.fromEntries(asked.searchParams)).toMatchObject({
		client: allows.client,
		redirect_uri: REDIRECT,
		code_challenge_method: "S256",
		name: "Chrome on Linux",
	});
	expect(body).toMatchObject({ grant_type: "authorization_code", code: "c0de", client: allows.client });
	expect(body.code_verifier?.length).toBeGreaterThanOrEqual(43);
});

test("no two pairings share a state or a verifier", async () => {
	await pair(connector.address, allows);
	const first = asked.searchParams;
	await pair(connector.address, allows);
	expect(asked.searchParams.get("state")).not.toBe(first.get("state"));
	expect(asked.searchParams.get("code_challenge")).not.toBe(first.get("code_challenge"));
});

test("an answer of another pairing is not taken", async () => {
	expect(await failureOf(browserThat(() => `${REDIRECT}?code=c0de&state=other`))).toBe("refused");
	expect(await failureOf(browserThat((state) => `https://evil.example.com/?code=c0de&state=${state}`))).toBe("refused");
	expect(connector.posts).toEqual([]);
});

test("a refusal, a closed window and a page that does not load are told apart", async () => {
	expect(await failureOf(browserThat((state) => `${REDIRECT}?error=access_denied&state=${state}`))).toBe("denied");
	expect(await failureOf(browserThat(() => new Error("The user did not approve access.")))).toBe("cancelled");
	expect(await failureOf(browserThat(() => new Error("Authorization page could not be loaded.")))).toBe("unreachable");
});

test("a connector that does not take the code, or is gone, is said to be so", async () => {
	connector.replies["/pair/token"] = { status: 400, body: { error: "invalid_grant" } };
	expect(await failureOf(allows)).toBe("refused");
	connector.replies["/pair/token"] = { status: 200, body: {} };
	expect(await failureOf(allows)).toBe("refused");
	expect(await failureOf(allows, "http://127.0.0.1:9")).toBe("unreachable");
});

test("signing off ends the token, and says whether the connector heard it", async () => {
	const pairing = await pair(connector.address, allows);
	expect(await signOff({ ...pairing, token: connector.token })).toBe(true);
	expect(connector.posts.at(-1)).toMatchObject({ path: "/line/token", authorization: "Bearer line_good" });
	expect(await signOff({ ...pairing, address: "http://127.0.0.1:9" })).toBe(false);
});
