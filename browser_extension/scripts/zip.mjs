// A zip file of the same bytes for the same files: names in order, one moment for all, nothing of this machine.
import { crc32, deflateRawSync } from "node:zlib";

const DEFLATE = 8;
const VERSION = 20;
const UTF8 = 0x0800;
// The earliest moment that the format knows: 1 January 1980.
const DATE = 0x0021;

/** Make a zip of `files`: pairs of name (with forward slashes) and bytes. */
export function zip(files) {
	const parts = [];
	const directory = [];
	let offset = 0;
	for (const [name, bytes] of [...files].sort(([one], [other]) => (one < other ? -1 : 1))) {
		const packed = deflateRawSync(bytes, { level: 9 });
		const path = Buffer.from(name);
		const head = Buffer.alloc(26);
		head.writeUInt16LE(VERSION, 0);
		head.writeUInt16LE(UTF8, 2);
		head.writeUInt16LE(DEFLATE, 4);
		head.writeUInt16LE(0, 6);
		head.writeUInt16LE(DATE, 8);
		head.writeUInt32LE(crc32(bytes), 10);
		head.writeUInt32LE(packed.length, 14);
		head.writeUInt32LE(bytes.length, 18);
		head.writeUInt16LE(path.length, 22);
		parts.push(Buffer.from("PK\x03\x04"), head, path, packed);

		const place = Buffer.alloc(14);
		place.writeUInt32LE(offset, 10);
		directory.push(Buffer.from("PK\x01\x02"), Buffer.from([VERSION, 0]), head, place, path);
		offset += 4 + head.length + path.length + packed.length;
	}
	const central = Buffer.concat(directory);
	const count = files.length;
	const end = Buffer.alloc(18);
	end.writeUInt16LE(count, 4);
	end.writeUInt16LE(count, 6);
	end.writeUInt32LE(central.length, 8);
	end.writeUInt32LE(offset, 12);
	return Buffer.concat([...parts, central, Buffer.from("PK\x05\x06"), end]);
}
