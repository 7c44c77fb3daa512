import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { StepLog } from '../../../src/build/solve/step-log.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tsbuild-log-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const ROWS = 20_000;
const row = (number: number): string => `line ${number} of the output\n`;

function print(log: StepLog): string {
  let text = '';
  for (let number = 0; number < ROWS; number += 1) {
    text += row(number);
    log.push(Buffer.from(row(number)));
  }
  return text;
}

it('keeps all of a long log on disk and its end in memory', () => {
  const log = new StepLog(root);
  const text = print(log);
  expect(log.lines(2)).toEqual([row(ROWS - 2).trim(), row(ROWS - 1).trim()]);
  const path = log.keep('build 1/2') ?? '';
  expect(readFileSync(path, 'utf8')).toBe(text);
  expect(readdirSync(join(root, 'logs-v1'))).toEqual(['build_1_2.log']);
});

it('keeps a short log when the step failed, and nothing of a step that did not', () => {
  const [failed, fine] = [new StepLog(root), new StepLog(root)];
  failed.push(Buffer.from('\x1b[31mfirst\x1b[0m\nworking 1%\rworking 2%\n'));
  print(fine);
  fine.drop();
  expect(failed.lines(9)).toEqual(['first', 'working 2%']);
  expect(failed.keep('a')).toBe(join(root, 'logs-v1/a.log'));
  expect(readdirSync(join(root, 'logs-v1'))).toEqual(['a.log']);
  expect(new StepLog(root).keep('silent')).toBeNull();
});

it('shows the end of a log that the disk does not take', () => {
  writeFileSync(join(root, 'logs-v1'), 'in the way');
  const log = new StepLog(root);
  print(log);
  expect(log.lines(1)).toEqual([row(ROWS - 1).trim()]);
  expect(log.keep('lost')).toBeNull();
  log.drop();
  expect(existsSync(join(root, 'logs-v1'))).toBe(true);
});
