// Child process of the gc suite: enters the store, asks for one blob, and stays until it is killed.
import { openFsBlobStore } from '../../../src/cache/fs-blob-store.ts';
import { enterStore } from '../../../src/cache/store-sessions.ts';
import { parseDigest } from '../../../src/core/digest.ts';

const [root = '', digest = ''] = process.argv.slice(2);
enterStore(root);
process.stdout.write(`${openFsBlobStore(root).has(parseDigest(digest))}\n`);
await new Promise((resolve) => setTimeout(resolve, 60_000));
