// Entry point of a worker thread: answers every list of host paths with the list of their hashes.
import { parentPort } from 'node:worker_threads';
import { BUFFER_SIZE, hashFile } from './hash-file.ts';

const buffer = Buffer.allocUnsafeSlow(BUFFER_SIZE);

parentPort?.on('message', (hosts: readonly string[]) => {
  parentPort?.postMessage(hosts.map((host) => hashFile(host, buffer)));
});
