// What users see of a build: lines of plain logs, groups that never interleave, output made safe.
import { describe, expect, it } from 'vitest';
import { openGroupReporter } from '../../../src/cli/reporter/group.ts';
import { LogLines } from '../../../src/cli/reporter/log-lines.ts';
import { openPlainReporter } from '../../../src/cli/reporter/plain.ts';
import type { Terminal } from '../../../src/cli/reporter/reporter.ts';
import { openTtyReporter } from '../../../src/cli/reporter/tty.ts';

function capture(overrides: Partial<Terminal> = {}): { readonly terminal: Terminal; text(): string } {
  const parts: string[] = [];
  const terminal = { write: (text: string) => void parts.push(text), isTTY: false, columns: 80, rows: 24, color: false, ...overrides };
  return { terminal, text: () => parts.join('') };
}

const vertex = (id: string) => ({ id, name: `[1/2] RUN ${id}` });
const log = (id: string, text: string) => ({
  type: 'vertex-log' as const,
  id,
  stream: 'stdout' as const,
  data: Buffer.from(text),
  time: 0,
});

describe('log lines', () => {
  it.each([
    ['plain', ['a\nb\n'], ['a', 'b']],
    ['cut inside a character', [Buffer.from('é\n').subarray(0, 1), Buffer.from('é\n').subarray(1)], ['é']],
    ['carriage returns keep the last rewrite', ['10%\r50%\r100%\n'], ['100%']],
    ['CRLF', ['a\r\nb\r\n'], ['a', 'b']],
    ['colours stay, other control sequences go', ['\x1b[31mred\x1b[0m\x1b[2J\x1b]0;title\x07!\n'], ['\x1b[31mred\x1b[0m!']],
    ['no newline at the end', ['rest'], ['rest']],
  ])('%s', (_name, chunks, expected) => {
    const lines: string[] = [];
    const reader = new LogLines((line) => lines.push(line));
    for (const chunk of chunks) reader.push(Buffer.from(chunk as string));
    reader.end();
    expect(lines).toEqual(expected);
  });

  it('passes an endless line on in pieces', () => {
    const lines: string[] = [];
    const reader = new LogLines((line) => lines.push(line));
    for (let at = 0; at < 100; at += 1) reader.push(Buffer.alloc(10_000, 0x61));
    reader.end();
    expect(lines.length).toBeGreaterThan(50);
    expect(lines.join('')).toHaveLength(1_000_000);
  });
});

describe('plain', () => {
  it('numbers steps and says how each ended', () => {
    const { terminal, text } = capture();
    const reporter = openPlainReporter(terminal);
    reporter.event({ type: 'vertex-started', vertex: vertex('a'), time: 1000 });
    reporter.event(log('a', 'hello\n'));
    reporter.event({ type: 'vertex-finished', vertex: vertex('a'), cached: false, because: 'env A changed', time: 3500 });
    reporter.event({ type: 'vertex-finished', vertex: vertex('b'), cached: true, time: 3500 });
    reporter.close();
    expect(text()).toMatch(/^#1 \[1\/2\] RUN a\n#1 [\d.]+ hello\n#1 DONE 2\.5s \(env A changed\)\n\n#2 \[1\/2\] RUN b\n#2 CACHED\n\n$/);
  });
});

describe('group', () => {
  it('keeps the lines of each step together however they arrive', () => {
    const { terminal, text } = capture();
    const reporter = openGroupReporter(terminal, 'none');
    for (const id of ['a', 'b', 'c']) reporter.event({ type: 'vertex-started', vertex: vertex(id), time: 0 });
    for (let at = 0; at < 3; at += 1) for (const id of ['a', 'b', 'c']) reporter.event(log(id, `${id}${at}\n`));
    for (const id of ['c', 'a', 'b']) reporter.event({ type: 'vertex-finished', vertex: vertex(id), cached: false, time: 1000 });
    reporter.close();
    const groups = text().trim().split('\n\n');
    expect(groups.map((group) => group.split('\n').slice(1, -1).join(' ')).toSorted()).toEqual(['a0 a1 a2', 'b0 b1 b2', 'c0 c1 c2']);
  });

  it('folds on GitHub and GitLab', () => {
    for (const [folding, begin, end] of [
      ['github', '::group::#1 [1/2] RUN a\n', '::endgroup::\n'],
      ['gitlab', 'section_start:', 'section_end:'],
    ] as const) {
      const { terminal, text } = capture();
      const reporter = openGroupReporter(terminal, folding);
      reporter.event({ type: 'vertex-started', vertex: vertex('a'), time: 0 });
      reporter.event({ type: 'vertex-finished', vertex: vertex('a'), cached: true, time: 0 });
      reporter.close();
      expect(text().indexOf(begin)).toBeGreaterThanOrEqual(0);
      expect(text().indexOf(end)).toBeGreaterThan(text().indexOf(begin));
    }
  });

  it('holds a flood of a waiting step outside memory and loses nothing', () => {
    const { terminal, text } = capture();
    const reporter = openGroupReporter(terminal, 'none');
    reporter.event({ type: 'vertex-started', vertex: vertex('a'), time: 0 });
    reporter.event({ type: 'vertex-started', vertex: vertex('b'), time: 0 });
    for (let at = 0; at < 20_000; at += 1) reporter.event(log('b', `line ${at} é\n`));
    reporter.event({ type: 'vertex-finished', vertex: vertex('a'), cached: false, time: 0 });
    reporter.event({ type: 'vertex-finished', vertex: vertex('b'), cached: false, time: 0 });
    reporter.close();
    expect(text().match(/line \d+ é\n/g)).toHaveLength(20_000);
  });
});

describe('tty', () => {
  it('folds cached steps and gives the terminal back', () => {
    const { terminal, text } = capture({ isTTY: true });
    const reporter = openTtyReporter(terminal);
    for (const id of ['a', 'b', 'c']) {
      reporter.event({ type: 'vertex-started', vertex: vertex(id), time: 0 });
      reporter.event({ type: 'vertex-finished', vertex: vertex(id), cached: id !== 'c', time: 2000 });
    }
    reporter.close();
    expect(text()).toContain('2 steps cached');
    expect(text()).toContain('RUN c');
    expect(text()).not.toContain('RUN a');
    expect(text().endsWith('\x1b[?25h')).toBe(true);
  });

  it('never draws more lines than the terminal has', () => {
    const { terminal, text } = capture({ isTTY: true, rows: 10 });
    const reporter = openTtyReporter(terminal);
    for (let at = 0; at < 50; at += 1) reporter.event({ type: 'vertex-started', vertex: vertex(`s${at}`), time: 0 });
    reporter.event({ type: 'notice', message: 'look' });
    reporter.close();
    const drawn = text()
      .split('\x1b[?25l')
      .map((frame) => (frame.match(/\n/g) ?? []).length);
    expect(Math.max(...drawn)).toBeLessThanOrEqual(10);
  });
});
