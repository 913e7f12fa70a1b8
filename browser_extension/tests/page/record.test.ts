import { describe, expect, it } from "vitest";
import { recordOf } from "@/lib/record";

const LEAD = "0f9a3c10-ac28-11ea-b67e-0d7b8516cbb9";
const SITE = "https://acme.pipedrive.com";

describe("the record on the page", () => {
	it.each([
		["/person/7", "person", "7"],
		["/person/7/", "person", "7"],
		["/person/7?tab=deals#notes", "person", "7"],
		["/person/7?company=acme", "person", "7"],
		["/organization/3", "organization", "3"],
		["/deal/5", "deal", "5"],
		["/deal/5/activities", "deal", "5"],
		["/persons/details/7", "person", "7"],
		[`/leads/inbox/${LEAD}`, "lead", LEAD],
		[`/leads/inbox/${LEAD.toUpperCase()}`, "lead", LEAD],
		[`/leads/archived/${LEAD}`, "lead", LEAD],
		["/activities/9", "activity", "9"],
		["/activities/list#dialog/activity/9", "activity", "9"],
		["/activities/list/user/133?selected=9&tab=activity", "activity", "9"],
		["/activities/calendar/user/133?selected=9", "activity", "9"],
		["/deals/user/everyone#dialog/deal/5", "deal", "5"],
		["/person/7#dialog/activity/9", "activity", "9"],
		[`/leads/inbox#dialog/lead/${LEAD}`, "lead", LEAD],
		["/person/7#dialog/person/add", "person", "7"],
	])("of %s is the %s %s", (path, entity, id) => {
		expect(recordOf(SITE + path)).toEqual({ entity, id });
	});

	it.each([
		"/",
		"/persons/list/user/12",
		"/persons/list?selected=7",
		"/organizations/list/filter/4",
		"/deals/user/12",
		"/pipeline/1/user/everyone",
		"/leads/inbox",
		"/leads/inbox/12",
		"/activities/list/user/133",
		"/activities/list?selected=all",
		"/person/seven",
		"/person/7abc",
		"/personal/7",
		"/settings/person/7",
		"/activities/list#dialog/user/4",
		"/persons/list#dialog/person/add",
	])("of %s is unknown", (path) => {
		expect(recordOf(SITE + path)).toBeNull();
	});

	it.each(["", "about:blank", "about:srcdoc", "data:text/html,/person/7", "not an address"])(
		"of %j is unknown",
		(url) => {
			expect(recordOf(url)).toBeNull();
		},
	);
});
