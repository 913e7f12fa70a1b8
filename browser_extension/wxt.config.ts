import { defineConfig } from "wxt";

/** The public half of a key whose private half nobody has: it gives the Chrome build, unpacked or not, the id
 * mamhhpekdoamlgbkfbdfgljfflipojfn, which the connector's list of extensions (CONNECTOR_EXTENSION_IDS) holds. */
const KEY =
	"MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAsgJcyGplnN7VFy5DJW1wTxAjUIdf2Y1G8G7QCncTEyQMn1lVCaEQ2igEhTpky5LvsgyWaFsxI8aqTt97hkjpt8g5Ak3ZLI4TgT+oQaTFvTq29ATeAQ77INWujn3GG4FOJJ0fqVTVAh4rN3lGgqLKJGn2vl0HIqsmw9qS5QxYNE/C29n+mwElsR9q5X9NnZvwQJDn4t7rsEmhy3/zSKVFLpC0PbDP3Hf12RrHv1MlYz8AdTZWjr4nejW3Bqc9/Aa00REDVGXm4lszA6O+Gbc1DqOS44IFXJh3hzS5PHhCU/AZBGgZ7kQSMaf6yQXz9NCWVNYuH0hgjWdgmRRzQTDuyQIDAQAB";
const FIREFOX_ID = "click-to-call@connector.example.com";

const PIPEDRIVE = "https://*.pipedrive.com/*";
/** What the mode "loopback" adds, so that tests reach simulators on this machine without a browser's question. */
const LOOPBACK = "http://127.0.0.1/*";

/** Named in full because Firefox would otherwise turn ws: into wss: on the way to a connector on this machine. */
const PAGES = [
	"default-src 'none'",
	"script-src 'self'",
	"style-src 'self'",
	"img-src 'self'",
	"connect-src https: wss: http://localhost:* http://127.0.0.1:* ws://localhost:* ws://127.0.0.1:*",
	"base-uri 'none'",
	"form-action 'none'",
	"frame-ancestors 'none'",
].join("; ");

export default defineConfig({
	imports: false,
	// Tests that run side by side build in folders of their own.
	outDir: process.env.CLICK_TO_CALL_OUT ?? ".output",
	manifestVersion: 3,
	vite: () => ({ build: { sourcemap: false } }),
	manifest: ({ browser, mode }) => ({
		name: "__MSG_name__",
		description: "__MSG_description__",
		default_locale: "en",
		permissions: ["storage", "alarms", "identity", "notifications", "contextMenus", "scripting", "activeTab"],
		host_permissions: mode === "loopback" ? [PIPEDRIVE, LOOPBACK] : [PIPEDRIVE],
		optional_host_permissions: ["https://*/*", "http://*/*"],
		content_security_policy: { extension_pages: PAGES },
		commands: {
			"dial-selection": { suggested_key: { default: "Alt+Shift+D" }, description: "__MSG_shortcut__" },
		},
		...(browser === "firefox"
			? {
					browser_specific_settings: {
						gecko: {
							id: FIREFOX_ID,
							strict_min_version: "142.0",
							data_collection_permissions: { required: ["personallyIdentifyingInfo"] },
						},
					},
				}
			: { key: KEY, minimum_chrome_version: "123", storage: { managed_schema: "managed_schema.json" } }),
	}),
});
