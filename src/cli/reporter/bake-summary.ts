// The table at the end of a bake: what became of each target, what it cost, and which image it is.
import type { TargetOutcome } from '../../build/bake/run-bake.ts';
import { formatSeconds, formatSize } from '../sizes.ts';
import { tableText } from '../table-text.ts';
import type { TargetTally } from './target-tally.ts';

export function bakeSummary(outcomes: readonly TargetOutcome[], tally: TargetTally): string {
  return tableText([['TARGET', 'RESULT', 'TIME', 'CACHED', 'NEW', 'IMAGE'], ...outcomes.map((outcome) => summaryRow(outcome, tally))]);
}

function summaryRow(outcome: TargetOutcome, tally: TargetTally): string[] {
  const { name } = outcome.target;
  if (outcome.type === 'skipped') return [name, 'skipped', '', '', '', outcome.needs === null ? 'stopped' : `needs ${outcome.needs}`];
  const { steps, cached, newBytes } = tally.of(name);
  const cost = [formatSeconds(outcome.milliseconds), `${cached}/${steps}`, formatSize(newBytes)];
  if (outcome.type === 'failed') return [name, 'failed', ...cost, ''];
  const { descriptor, names } = outcome.outcome;
  return [name, 'built', ...cost, [descriptor?.digest ?? '', ...names].filter(Boolean).join(' ')];
}
