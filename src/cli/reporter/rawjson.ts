// Progress for programs: each event as one JSON line. Log bytes are base64.
import type { Reporter, Terminal } from './reporter.ts';

export function openRawJsonReporter(terminal: Terminal): Reporter {
  return {
    event(event) {
      const plain = event.type === 'vertex-log' ? { ...event, data: Buffer.from(event.data).toString('base64') } : event;
      terminal.write(`${JSON.stringify(plain)}\n`);
    },
    close() {},
  };
}
