// The live view of a bake: a table of the targets that run, each with its current step. Targets that have
// ended are folded into one line per outcome, those that wait are counted.
import type { TargetState } from '../../core/events.ts';
import { formatSeconds, formatSize } from '../sizes.ts';
import type { BuildState, Step, Target } from './build-state.ts';
import { fitText, textWidth } from './fit-text.ts';
import { CYAN, GREEN, note, RED, row, type Screen, YELLOW } from './live-row.ts';
import { clipRows } from './step-lines.ts';

const MOST_TAIL = 3;
const MARKS: Readonly<Record<'built' | 'failed' | 'skipped', readonly [number, string]>> = {
  built: [GREEN, '✔'],
  failed: [RED, '✘'],
  skipped: [CYAN, '–'],
};

/** At most `screen.rows - 1` lines; `began` is when the bake did. */
export function targetLines(state: BuildState, screen: Screen, began: number): string[] {
  const byState = Map.groupBy(state.targets.values(), (target) => target.state);
  const running = byState.get('running') ?? [];
  const head = [headLine(state, byState, screen, began)];
  for (const end of ['built', 'failed', 'skipped'] as const) {
    const targets = byState.get(end) ?? [];
    if (targets.length > 0) head.push(row(screen, MARKS[end], `${targets.length} ${end}: ${names(targets)}`, ''));
  }
  const foot = transferLines(state, screen);
  const room = Math.max(1, screen.rows - 1 - head.length - foot.length);
  const table = clipRows(runningLines(state, running, screen, room), { ...screen, rows: room + 1 }, (left) => `   … ${left} more running`);
  return [...head, ...table, ...foot].slice(0, Math.max(1, screen.rows - 1));
}

/** The newest first: older ones have scrolled by. */
const names = (targets: readonly Target[]): string =>
  targets
    .toSorted((a, b) => b.since - a.since)
    .map((target) => target.name)
    .join(', ');

function headLine(state: BuildState, byState: ReadonlyMap<TargetState, readonly Target[]>, screen: Screen, began: number): string {
  const waiting = byState.get('waiting')?.length ?? 0;
  const ended = state.targets.size - waiting - (byState.get('running')?.length ?? 0);
  const steps = `${state.ended} step${state.ended === 1 ? '' : 's'} done, ${state.cached} cached`;
  const waits = waiting === 0 ? '' : `, ${waiting} waiting`;
  return note(screen, `[+] ${formatSeconds(screen.now - began)}, ${ended}/${state.targets.size} targets${waits}, ${steps}`);
}

function runningLines(state: BuildState, running: readonly Target[], screen: Screen, room: number): string[] {
  const current = currentSteps(state);
  const widest = Math.max(0, ...running.map((target) => textWidth(target.name)));
  const width = Math.min(widest, Math.max(8, Math.floor(screen.columns / 3)));
  const tail = Math.min(MOST_TAIL, Math.max(0, Math.floor((room - running.length) / Math.max(1, running.length))));
  return running.flatMap((target) => {
    const steps = current.get(target.name) ?? [];
    const step = steps.at(-1);
    const beside = steps.length > 1 ? ` (+${steps.length - 1})` : '';
    const text = `${fitText(target.name, width)}  ${step === undefined ? '' : step.name + beside}`;
    const lines = tail === 0 || step === undefined ? [] : step.tail.slice(-tail);
    return [
      row(screen, [YELLOW, '▸'], text.trimEnd(), formatSeconds(screen.now - (step?.started ?? target.since))),
      ...lines.map((line) => note(screen, `     ${line}`)),
    ];
  });
}

/** Target → its steps that run, in the order they began. */
function currentSteps(state: BuildState): ReadonlyMap<string, readonly Step[]> {
  const current = new Map<string, Step[]>();
  for (const step of state.steps.values()) {
    for (const target of step.targets) {
      const steps = current.get(target);
      if (steps === undefined) current.set(target, [step]);
      else steps.push(step);
    }
  }
  return current;
}

/** One line per kind of transfer, all blobs together. */
function transferLines(state: BuildState, screen: Screen): string[] {
  return [...Map.groupBy(state.transfers.values(), (transfer) => transfer.action)].map(([action, transfers]) => {
    const sum = (of: (transfer: (typeof transfers)[number]) => number): number => transfers.reduce((bytes, one) => bytes + of(one), 0);
    const total = transfers.every((one) => one.total !== undefined) ? ` / ${formatSize(sum((one) => one.total ?? 0))}` : '';
    const blobs = `${action} ${transfers.length} blob${transfers.length === 1 ? '' : 's'}`;
    return row(screen, [YELLOW, ' '], blobs, `${formatSize(sum((one) => one.current))}${total}`);
  });
}
