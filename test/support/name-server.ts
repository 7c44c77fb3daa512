// A name server for one test: knows every name, and gives them all one IPv4 address. Arguments: where it listens,
// the address, and the process it ends with. Returns when it answers; a copy of it stays.
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';

const HEADER = 12;
const TYPE_A = 1;
const ANSWERED = 0x8180;

const [, , listen = '', address = '', owner = ''] = process.argv;

/** Type and class follow the labels of the name. */
function answer(query: Buffer): Buffer {
  let end = HEADER;
  while ((query[end] ?? 0) !== 0) end += (query[end] ?? 0) + 1;
  const known = query.readUInt16BE(end + 1) === TYPE_A;
  const header = Buffer.from(query.subarray(0, HEADER));
  for (const [at, value] of [
    [2, ANSWERED],
    [6, known ? 1 : 0],
    [8, 0],
    [10, 0],
  ] as const)
    header.writeUInt16BE(value, at);
  const record = Buffer.from([0xc0, HEADER, 0, TYPE_A, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)]);
  return Buffer.concat([header, query.subarray(HEADER, end + 5), ...(known ? [record] : [])]);
}

function serve(): void {
  const socket = createSocket('udp4');
  socket.on('message', (query, { port, address: asker }) => socket.send(answer(query), port, asker));
  socket.bind(53, listen, () => process.send?.('ready'));
  setInterval(() => {
    try {
      process.kill(Number(owner), 0);
    } catch {
      process.exit();
    }
  }, 100);
}

if (process.send === undefined) {
  const child = spawn(process.execPath, process.argv.slice(1), { detached: true, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  child.once('message', () => process.exit());
} else serve();
