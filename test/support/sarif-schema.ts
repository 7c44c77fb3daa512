// The JSON schema of SARIF 2.1.0 as OASIS published it, with Errata 01; it comes with a package of Microsoft's.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import draft4 from 'ajv-draft-04';
import addFormats from 'ajv-formats';

const require = createRequire(import.meta.url);
const schemaFile = require.resolve('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json');

/** Where and how `log` departs from the schema; empty: nowhere. */
export function sarifErrors(log: unknown): readonly string[] {
  const options = { strict: false, unicodeRegExp: false, allErrors: true };
  const schema = JSON.parse(readFileSync(schemaFile, 'utf8'));
  const ajv = new draft4.default(options);
  addFormats.default(ajv);
  const validate = ajv.compile(schema);
  validate(log);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}
