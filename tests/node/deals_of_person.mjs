/*
Makes a deal of a person through Pipedrive's own Node client if TITLE is given, deletes the deal DELETE if one is named,
and lists the person's deals of STATUS with the custom field FIELD. PIPEDRIVE_URL is the server, API_TOKEN a personal
token, PERSON_ID whose. Prints one line of JSON.
*/
import process from 'node:process';
import v2 from 'pipedrive/v2';

const {PIPEDRIVE_URL: host, API_TOKEN: apiKey, PERSON_ID: id, FIELD: field, STATUS: status, TITLE: title} = process.env;
const deals = new v2.DealsApi(new v2.Configuration({apiKey, basePath: `${host}/api/v2`}));
if (title) {
	await deals.addDeal({AddDealRequest: {title, person_id: Number(id), custom_fields: {[field]: title}}});
}

if (process.env.DELETE) {
	await deals.deleteDeal({id: Number(process.env.DELETE)});
}

const {data} = await deals.getDeals({person_id: Number(id), custom_fields: field, ...status && {status}});
console.log(JSON.stringify(data.map(deal => ({
	id: deal.id,
	title: deal.title,
	value: deal.value,
	currency: deal.currency,
	stage_id: deal.stage_id,
	owner_id: deal.owner_id,
	marker: deal.custom_fields[field],
}))));
