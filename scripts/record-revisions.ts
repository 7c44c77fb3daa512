// Writes fixtures/differential/revisions.txt after cases were recorded or revisions raised. Refuses what
// would hide a change of behaviour. Usage: node scripts/record-revisions.ts
import { complaintAbout, currentResults, readLedger, writeLedger } from '../test/support/differential/revisions.ts';

const before = readLedger();
const now = currentResults();
const complaints = Object.entries(now).flatMap(([name, result]) => complaintAbout(name, before[name], result) ?? []);
if (complaints.length > 0) {
  process.stderr.write(`${complaints.join('\n')}\nThe revisions are in src/graph/revisions.ts.\n`);
  process.exitCode = 1;
} else {
  const fresh = Object.keys(now).filter((name) => before[name] === undefined);
  if (fresh.length > 0) {
    process.stdout.write(
      `New: ${fresh.join(' ')}\nIf tsbuild made something else of them until now, raise the revisions of their steps.\n`,
    );
  }
  writeLedger(now);
}
