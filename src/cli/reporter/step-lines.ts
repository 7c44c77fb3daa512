// The live view of one build: the steps that run with their time and last lines, and what is transferred.
import { formatSeconds, formatSize } from '../sizes.ts';
import type { BuildState } from './build-state.ts';
import { note, row, type Screen, YELLOW } from './live-row.ts';

/** Lines besides steps and transfers: the head, and the row of the cursor. */
const OTHERS = 2;
const MOST_TAIL = 5;

/** At most `screen.rows - 1` lines; `began` is when the build did. */
export function stepLines(state: BuildState, screen: Screen, began: number): string[] {
  const { steps, transfers } = state;
  if (steps.size === 0 && transfers.size === 0) return [];
  const out = [note(screen, `[+] ${formatSeconds(screen.now - began)}, ${state.ended} step${state.ended === 1 ? '' : 's'} done`)];
  const free = screen.rows - OTHERS - steps.size - transfers.size;
  const tail = Math.min(MOST_TAIL, Math.max(0, Math.floor(free / Math.max(1, steps.size))));
  for (const step of steps.values()) {
    out.push(row(screen, [YELLOW, '▸'], step.title, formatSeconds(screen.now - step.started)));
    if (tail > 0) for (const line of step.tail.slice(-tail)) out.push(note(screen, `     ${line}`));
  }
  for (const { action, digest, id, current, total } of transfers.values()) {
    const size = `${formatSize(current)}${total === undefined ? '' : ` / ${formatSize(total)}`}`;
    out.push(row(screen, [YELLOW, ' '], `${action} ${digest?.slice(7, 19) ?? id}`, size));
  }
  return clipRows(out, screen, (left) => `   … ${left} more`);
}

/** What does not fit is counted in the last line. */
export function clipRows(lines: readonly string[], screen: Screen, more: (left: number) => string): string[] {
  const most = Math.max(1, screen.rows - 1);
  if (lines.length <= most) return [...lines];
  return [...lines.slice(0, most - 1), note(screen, more(lines.length - most + 1))];
}
