// A case of fixtures/call: a Dockerfile, perhaps `flags.txt`, and in expected.txt what Docker answered to every
// --call. Here is which questions are asked, and which parts of the answers are the same for both programs.
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const CALLS = ['check', 'outline', 'targets'].flatMap((call) => [call, `${call},format=json`]);

export interface Answer {
  readonly code: number | null;
  readonly stdout: string;
}

/** Answers in the form of expected.txt. `ask` gets flags and a private copy of the case. */
export async function answersTo(path: string, ask: (flags: readonly string[]) => Promise<Answer> | Answer): Promise<string> {
  const context = mkdtempSync(join(tmpdir(), 'tsbuild-call-'));
  try {
    cpSync(path, context, { recursive: true });
    for (const note of ['expected.txt', 'flags.txt']) rmSync(join(context, note), { force: true });
    const flags = existsSync(join(path, 'flags.txt')) ? readFileSync(join(path, 'flags.txt'), 'utf8').trim().split('\n') : [];
    const parts: string[] = [];
    for (const call of CALLS) {
      const { code, stdout } = await ask(['--call', call, ...flags, context]);
      parts.push(`=== ${call}: ${code === 0 ? 'succeeds' : 'fails'}\n${call === 'check' ? headlines(stdout) : withoutDefinition(stdout)}`);
    }
    return parts.join('');
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}

/** Of --call=check as text: everything but the source lines, which are underlined here and marked with an arrow by Docker. */
function headlines(text: string): string {
  const lines = text.split('\n');
  return lines
    .filter((line, at) => /^(?:Check |WARNING: )/.test(line) || lines[at - 1]?.startsWith('WARNING: '))
    .map((line) => `${line}\n`)
    .join('');
}

/** Without the graph that loads the Dockerfile in BuildKit's wire format. */
const withoutDefinition = (json: string): string => json.replace(/^ {6}"definition": \{\n[\s\S]*?^ {6}\},\n/gm, '');
