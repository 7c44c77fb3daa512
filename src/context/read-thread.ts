// Second thread of DirectoryReader: reads its share of each list of directories it is sent.
import { parentPort } from 'node:worker_threads';
import { readDirectory } from './read-directory.ts';
import { type ReadAnswer, type ReadMessage, turns } from './read-order.ts';

parentPort?.on('message', (message: ReadMessage) => {
  const answers: ReadAnswer[] = [];
  for (const at of turns(message)) {
    try {
      const { names, ...rest } = readDirectory(message.root, message.paths[at] ?? '');
      answers.push({ ...rest, at, names: names.join('/') });
    } catch {
      // Left out: the first thread finds the same error and can tell it.
    }
  }
  message.answer.postMessage(answers);
});
