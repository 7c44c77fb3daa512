// Child process of the lease suite: appends `start` and `end` lines to a log around `ms` of holding
// the lease; with ms 0 it holds until it is killed.
import { appendFileSync } from 'node:fs';
import { Leases } from '../../../src/cache/leases.ts';

const [root = '', key = '', log = '', ms = '0'] = process.argv.slice(2);
await new Leases(root).hold(key, async () => {
  appendFileSync(log, `start ${process.pid}\n`);
  await new Promise((resolve) => setTimeout(resolve, Number(ms) || 60_000));
  appendFileSync(log, `end ${process.pid}\n`);
});
