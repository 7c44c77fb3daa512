// Child process of the blob store suite: writes `chunks` chunks of 64 KiB of the byte `fill` and
// commits, or waits for ever before the commit when told to `hang`.
import { openFsBlobStore } from '../../../src/cache/fs-blob-store.ts';

const [root = '', fill = '0', chunks = '1', mode = 'commit'] = process.argv.slice(2);
const writer = openFsBlobStore(root).writer();
for (let i = 0; i < Number(chunks); i++) await writer.write(Buffer.alloc(65_536, Number(fill)));
if (mode === 'hang') {
  process.stdout.write('written\n');
  await new Promise((resolve) => setTimeout(resolve, 60_000));
}
const stored = await writer.commit();
process.stdout.write(`${stored.digest}\n`);
