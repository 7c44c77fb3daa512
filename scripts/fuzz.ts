// Fuzzing of parser, planner and renderer over every Dockerfile of fixtures/: `npm run fuzz -- --seconds 600 --seed 1`.
// Each input must be parsed, checked, planned and rendered without an exception, within a second, with
// spans inside the text, and with the same outcome twice. What fails is written to fixtures/fuzz and
// stays there as a test. The same seed gives the same inputs in the same order.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { judgeText } from '../test/support/judge-text.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url));
const SLOW_MS = 1000;

const WORDS = [
  'FROM ', 'RUN ', 'COPY ', 'ADD ', 'ARG ', 'ENV ', 'ONBUILD ', 'HEALTHCHECK ', 'SHELL ', 'EXPOSE ', 'VOLUME ', 'LABEL ', 'WORKDIR ', 'USER ',
  'CMD ', 'ENTRYPOINT ', 'STOPSIGNAL ', 'MAINTAINER ', ' AS ', '--from=', '--mount=type=', '--chown=', '--chmod=', '--link', '--parents', '--exclude=',
  '--platform=', '--network=', '<<EOF', '<<-"E F"', '<< X', 'EOF\n', '\\\n', '`\n', '\r\n', '\n\n', '# escape=`\n', '# check=skip=all\n', '#',
  '$', '${', '}', ':-', ':?', '//', '%%', '##', "'", '"', '[', ']', '["a", "b"]', ',', '=', '\t', '\u0000', '\ufeff', '\u2028', '\ud800', 'é', '🐳', '*', '?', '..', '/',
  'http://h/x', 'https://h/r.git#b:d', 'git@h:r', 'scratch', 'busybox', '0', '-1', '99999999999999999999', '65536', '1-65535/tcp',
]; // biome-ignore format: a dictionary

/** xorshift32: small, and the same everywhere. */
function randomOf(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % Math.max(1, below);
  };
}

type Random = ReturnType<typeof randomOf>;

function corpus(): string[] {
  const files = readdirSync(FIXTURES, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && /ockerfile$/.test(entry.name),
  );
  return files.map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8')).filter((text) => text.length < 20_000);
}

const MUTATIONS: readonly ((text: string, random: Random, all: readonly string[]) => string)[] = [
  (text, random) => insert(text, random(text.length + 1), WORDS[random(WORDS.length)] ?? ''),
  (text, random) => insert(text, random(text.length + 1), WORDS[random(WORDS.length)] ?? ''),
  (text, random) => insert(text, random(text.length + 1), String.fromCharCode(random(0x80))),
  (text, random) => remove(text, random(text.length + 1), 1 + random(8)),
  (text, random) => remove(text, random(text.length + 1), random(200)),
  (text, random, all) => splice(text, all[random(all.length)] ?? '', random),
  (text, random) => repeated(text, random(text.length + 1), 1 + random(60), 1 + random(40)),
  (text, random) => shuffledLines(text, random),
];

const insert = (text: string, at: number, what: string): string => text.slice(0, at) + what + text.slice(at);
const remove = (text: string, at: number, count: number): string => text.slice(0, at) + text.slice(at + count);
const repeated = (text: string, at: number, length: number, times: number): string =>
  text.slice(0, at) + text.slice(at, at + length).repeat(times) + text.slice(at + length);

function splice(a: string, b: string, random: Random): string {
  return a.slice(0, random(a.length + 1)) + b.slice(random(b.length + 1));
}

function shuffledLines(text: string, random: Random): string {
  const lines = text.split('\n');
  const [from, to] = [random(lines.length), random(lines.length)];
  [lines[from], lines[to]] = [lines[to] ?? '', lines[from] ?? ''];
  return lines.join('\n');
}

function mutated(all: readonly string[], random: Random): string {
  let text = all[random(all.length)] ?? '';
  for (let left = 1 + random(6); left > 0; left--) text = MUTATIONS[random(MUTATIONS.length)]?.(text, random, all) ?? text;
  return text.slice(0, 1 << 20);
}

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string', default: '1' } } });
const all = corpus();
const random = randomOf(Number(values.seed));
const end = performance.now() + Number(values.seconds) * 1000;
const found = new Set<string>();
const outcomes = new Map<string, number>();
let inputs = 0;
let slowest = 0;
while (performance.now() < end) {
  const text = mutated(all, random);
  const started = performance.now();
  let problem: string | null;
  try {
    const { outcome, problems } = judgeText(text);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    problem = problems[0] ?? null;
  } catch (error) {
    problem = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
  const elapsed = performance.now() - started;
  slowest = Math.max(slowest, elapsed);
  if (problem === null && elapsed > SLOW_MS) problem = 'slow';
  inputs += 1;
  if (problem === null || found.has(problem.slice(0, 60))) continue;
  found.add(problem.slice(0, 60));
  const folder = join(FIXTURES, 'fuzz', createHash('sha256').update(text).digest('hex').slice(0, 12));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'Dockerfile'), text);
  console.log(`${folder}: ${problem} (${elapsed.toFixed(0)} ms)`);
}
console.log(
  `seed ${values.seed}, ${values.seconds} s: ${inputs} inputs from ${all.length} files, slowest ${slowest.toFixed(0)} ms, peak ${peakMiB()} MiB`,
);
console.log([...outcomes].map(([name, count]) => `${name} ${count}`).join(', '));
console.log(`${found.size} problems`);
process.exitCode = found.size === 0 ? 0 : 1;

function peakMiB(): number {
  return Math.round(process.resourceUsage().maxRSS / 1024);
}
