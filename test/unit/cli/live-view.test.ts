// What a person sees at a terminal while a build or a bake runs: judged on a screen, not on bytes.
import { describe, expect, it } from 'vitest';
import { BuildState } from '../../../src/cli/reporter/build-state.ts';
import { LiveRegion } from '../../../src/cli/reporter/live-region.ts';
import { stepLines } from '../../../src/cli/reporter/step-lines.ts';
import { targetLines } from '../../../src/cli/reporter/target-lines.ts';
import type { TargetState } from '../../../src/core/events.ts';
import { Screen } from '../../support/screen.ts';

const sizes = [
  { columns: 80, rows: 24 },
  { columns: 200, rows: 60 },
  { columns: 30, rows: 10 },
  { columns: 12, rows: 5 },
  { columns: 3, rows: 2 },
];

const folded = (): BuildState => new BuildState(() => ({ notice() {}, close() {} }));

/** `states` is how many targets are in each; every running one is at a step. */
function bake(states: Partial<Record<TargetState, number>>): BuildState {
  const state = folded();
  for (const [name, count] of Object.entries(states) as [TargetState, number][]) {
    for (let at = 1; at <= count; at += 1) {
      const target = `${name}-${at}`;
      state.event({ type: 'target', target, state: name, time: 1000 + at });
      if (name !== 'running') continue;
      const vertex = { id: target, name: `[2/5] RUN make 部品 ${at} in a directory with a long name`, targets: [target] };
      state.event({ type: 'vertex-started', vertex, time: 2000 });
      state.event({ type: 'vertex-log', id: target, stream: 'stdout', data: Buffer.from('compiling\n'), time: 2500 });
    }
  }
  return state;
}

const shown = (lines: readonly string[], size: { columns: number; rows: number }): Screen => {
  const screen = new Screen(size.columns, size.rows);
  new LiveRegion({ ...size, color: true, isTTY: true, write: (text) => screen.write(text) }).draw([], lines);
  return screen;
};

const at = (size: { columns: number; rows: number }, now = 62_000) => ({ ...size, color: false, now });

describe('table of targets', () => {
  it('has a row with the current step for each target that runs', () => {
    const lines = targetLines(bake({ running: 2, built: 3, failed: 1, waiting: 4 }), at({ columns: 80, rows: 24 }), 0);
    expect(lines.map((line) => line.trimEnd())).toEqual([
      '[+] 1m02s, 4/10 targets, 4 waiting, 0 steps done, 0 cached',
      ' ✔ 3 built: built-3, built-2, built-1',
      ' ✘ 1 failed: failed-1',
      ' ▸ running-1  [2/5] RUN make 部品 1 in a directory with a long name       1m00s',
      '     compiling',
      ' ▸ running-2  [2/5] RUN make 部品 2 in a directory with a long name       1m00s',
      '     compiling',
    ]);
  });

  it.each(sizes)('fits $columns columns and $rows rows with 50 targets', (size) => {
    for (const state of [bake({ running: 50 }), bake({ running: 8, built: 30, failed: 2, skipped: 3, waiting: 7 })]) {
      const lines = targetLines(state, at(size), 0);
      expect(lines.length).toBeLessThan(size.rows);
      expect(shown(lines, size).all()).toHaveLength(lines.length + 1);
    }
  });

  it('counts running targets that have no room', () => {
    const lines = targetLines(bake({ running: 50 }), at({ columns: 80, rows: 24 }), 0);
    expect(lines).toHaveLength(23);
    expect(lines.at(-1)).toBe('   … 29 more running');
  });

  it('adds transfers up', () => {
    const state = bake({ running: 1 });
    const blob = { type: 'progress', action: 'pull', done: false, time: 0 } as const;
    state.event({ ...blob, id: 'a', current: 1_000_000, total: 4_000_000 });
    state.event({ ...blob, id: 'b', current: 2_000_000, total: 6_000_000 });
    expect(targetLines(state, at({ columns: 60, rows: 24 }), 0).at(-1)).toMatch(/^ {3}pull 2 blobs +3\.00MB \/ 10\.0MB$/);
  });
});

describe('steps of a build', () => {
  it.each(sizes)('fit $columns columns and $rows rows', (size) => {
    const state = bake({ running: 50 });
    const lines = stepLines(state, at(size), 0);
    expect(lines.length).toBeLessThan(size.rows);
    expect(shown(lines, size).all()).toHaveLength(lines.length + 1);
  });
});

describe('live region', () => {
  const open = (screen: { current: Screen }, size: { columns: number; rows: number }) => {
    const writes: string[] = [];
    const write = (text: string): void => {
      writes.push(text);
      screen.current.write(text);
    };
    const terminal = { ...size, color: false, isTTY: true, write };
    return { region: new LiveRegion(terminal), terminal, writes };
  };

  it('draws in place, with permanent lines above', () => {
    const screen = { current: new Screen(20, 6) };
    const { region } = open(screen, { columns: 20, rows: 6 });
    for (let round = 0; round < 10; round += 1) region.draw([`done ${round}`], [`a ${round}`, `b ${round}`]);
    region.draw([], ['a']);
    expect(screen.current.all()).toEqual([...Array.from({ length: 10 }, (_, round) => `done ${round}`), 'a', '']);
  });

  it('writes nothing when nothing changed, and never clears what it then draws again', () => {
    const screen = { current: new Screen(20, 6) };
    const { region, writes } = open(screen, { columns: 20, rows: 6 });
    region.draw([], ['one', 'two']);
    region.draw([], ['one', 'two']);
    expect(writes).toHaveLength(1);
    region.draw([], ['one', '2']);
    expect(writes).toHaveLength(2);
    expect(writes[1]?.indexOf('\x1b[0J')).toBeGreaterThan(writes[1]?.indexOf('2') ?? 0);
  });

  it.each([
    [40, 13],
    [40, 80],
    [40, 20],
  ])('survives a terminal of %d columns that becomes one of %d', (before, after) => {
    const screen = { current: new Screen(before, 30) };
    const { region, terminal } = open(screen, { columns: before, rows: 30 });
    const lines = ['x'.repeat(before - 1), 'short', 'y'.repeat(before - 1)];
    region.draw(['above'], lines);
    screen.current = screen.current.resized(after);
    terminal.columns = after;
    region.draw([], ['new']);
    expect(screen.current.all()).toEqual(['above', 'new', '']);
  });
});
