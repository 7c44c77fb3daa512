// Writes docs/compatibility.md. A test compares it with what is committed.
import { writeFileSync } from 'node:fs';
import { compatibilityPage } from '../test/support/differential/ledger.ts';

writeFileSync(new URL('../docs/compatibility.md', import.meta.url), compatibilityPage());
