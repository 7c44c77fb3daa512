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
const log = (id: string, text: string, time = 0) => ({
  type: 'vertex-log' as const,
  id,
  stream: 'stdout' as const,
  data: Buffer.from(text),
  time,
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
    reporter.event(log('a', 'hello\n', 1250));
    reporter.event({ type: 'vertex-finished', vertex: vertex('a'), cached: false, because: 'env A changed', time: 3500 });
    reporter.event({ type: 'vertex-finished', vertex: vertex('b'), cached: true, time: 3500 });
    reporter.close();
    expect(text()).toBe('#1 [1/2] RUN a\n#1 0.250 hello\n#1 DONE 2.5s (env A changed)\n\n#2 [1/2] RUN b\n#2 CACHED\n\n');
  });

  it('keeps lines of a step together, and lets others speak when they have waited', () => {
    const { terminal, text } = capture();
    const reporter = openPlainReporter(terminal);
    for (const id of ['a', 'b']) reporter.event({ type: 'vertex-started', vertex: vertex(id), time: 0 });
    for (const time of [100, 200, 300]) for (const id of ['a', 'b']) reporter.event(log(id, `${id}${time}\n`, time));
    reporter.event({ type: 'notice', message: 'look' });
    reporter.event(log('a', 'a2000\n', 2000));
    reporter.event(log('b', 'b2100\n', 2100));
    reporter.close();
    expect(text().split('\n')).toEqual([
      '#1 [1/2] RUN a', '#1 0.100 a100', '#1 0.200 a200', '#1 0.300 a300', '#1 2.000 a2000', '#1 ...', '', 'note: look',
      '#2 [1/2] RUN b', '#2 0.100 b100', '#2 0.200 b200', '#2 0.300 b300', '#2 2.100 b2100', '#2 INTERRUPTED', '',
      '#1 [1/2] RUN a', '#1 INTERRUPTED', '', '',
    ]); // biome-ignore format: lines of a log
  });

  it('shows a flood of a waiting step instead of keeping it', () => {
    const { terminal, text } = capture();
    const reporter = openPlainReporter(terminal);
    for (const id of ['a', 'b']) reporter.event({ type: 'vertex-started', vertex: vertex(id), time: 0 });
    for (let at = 0; at < 10_000; at += 1) reporter.event(log('b', `line ${at} of a flood\n`));
    expect(text().match(/line \d+ of a flood\n/g)?.length).toBeGreaterThan(5000);
    reporter.close();
    expect(text().match(/line \d+ of a flood\n/g)).toHaveLength(10_000);
  });

  it('names the target of a step, and counts those that share it', () => {
    const { terminal, text } = capture();
    const reporter = openPlainReporter(terminal);
    reporter.event({ type: 'vertex-finished', vertex: { ...vertex('a'), targets: ['web', 'api', 'db'] }, cached: true, time: 0 });
    reporter.close();
    expect(text()).toBe('#1 web+2: [1/2] RUN a\n#1 CACHED\n\n');
  });

  it('shows no control characters of names, reasons and errors', () => {
    const { terminal, text } = capture();
    const reporter = openPlainReporter(terminal);
    const evil = { id: 'a', name: 'RUN \x1b[2J\x07\nx' };
    reporter.event({ type: 'vertex-finished', vertex: evil, cached: false, error: 'bad \x1b]0;t\x07', time: 0 });
    reporter.event({ type: 'notice', message: '\x1b[1A' });
    reporter.close();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
    expect(text()).not.toMatch(/[\x00-\x09\x0b-\x1f]/);
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

  it('gives GitHub no commands that come from a step', () => {
    const { terminal, text } = capture();
    const reporter = openGroupReporter(terminal, 'github');
    reporter.event({ type: 'vertex-started', vertex: vertex('a'), time: 0 });
    reporter.event(log('a', '::add-mask::x\n  ::endgroup::\n##[error]y\na::b\n'));
    reporter.event({ type: 'vertex-finished', vertex: vertex('a'), cached: false, time: 0 });
    reporter.close();
    const inside = text().split('\n').slice(1, 5);
    expect(inside).toEqual([': :add-mask::x', '  : :endgroup::', '## [error]y', 'a::b']);
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
});
