// Reads vitest's JSON report and prints the closing line. A skipped test counts as a failure: the
// suite must say why it cannot run, and CI must see it.
import { readFileSync } from 'node:fs';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly numFailedTestSuites: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

const [path, checksPassed = '0', checksFailed = '0'] = process.argv.slice(2);
let report: Report | null = null;
try {
  report = JSON.parse(readFileSync(path ?? '', 'utf8')) as Report;
} catch {
  console.log('FAIL the test runner wrote no report');
}
const skipped = report === null ? 0 : report.numPendingTests + report.numTodoTests;
for (const file of report?.testResults ?? []) {
  for (const test of file.assertionResults) {
    if (test.status !== 'passed')
      console.log(`${test.status === 'failed' ? 'FAIL' : 'SKIP'} ${file.name.replace(`${process.cwd()}/`, '')} > ${test.fullName}`);
  }
  // A file that could not be loaded has no tests to fail.
  if (file.status === 'failed' && file.assertionResults.length === 0) console.log(`FAIL ${file.name}`);
}
const broken = (report?.testResults ?? []).filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length;
if (skipped > 0) console.log(`${skipped} tests were skipped; each must run here, so they count as failed`);
const passed = (report?.numPassedTests ?? 0) + Number(checksPassed);
const failed = (report?.numFailedTests ?? 0) + broken + skipped + Number(checksFailed) + (report === null ? 1 : 0);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
