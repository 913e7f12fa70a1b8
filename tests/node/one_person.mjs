/*
Changes a person through Pipedrive's own Node client, if NAME or PHONES (a JSON list) say how, and reads him back.
PIPEDRIVE_URL is the server, API_TOKEN a personal token, PERSON_ID whom. Prints one line of JSON.
*/
import process from 'node:process';
import v2 from 'pipedrive/v2';

const {PIPEDRIVE_URL: host, API_TOKEN: apiKey, PERSON_ID: id, NAME: name, PHONES: phones} = process.env;
const persons = new v2.PersonsApi(new v2.Configuration({apiKey, basePath: `${host}/api/v2`}));
const change = {...name && {name}, ...phones && {phones: JSON.parse(phones).map(value => ({value}))}};
if (Object.keys(change).length > 0) {
	await persons.updatePerson({id: Number(id), UpdatePersonRequest: change});
}

const {data} = await persons.getPerson({id: Number(id)});
console.log(JSON.stringify({name: data.name, phones: data.phones.map(({value}) => value)}));
