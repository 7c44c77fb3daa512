// Comments above a RUN that say more about its cache: `# tsbuild:ttl=24h` and `# tsbuild:secret-key=ID`.
// Other builders see a comment and nothing else. What cannot be followed is a warning, never an error.
import type { Mount } from '../../graph/op.ts';
import type { Instruction, Text } from '../../parser/ast.ts';
import { didYouMean } from '../did-you-mean.ts';
import type { Reporter } from '../reporter.ts';

export interface StepComments {
  /** Milliseconds for which a record of the step counts. */
  readonly ttl?: number;
  /** Ids of secrets whose values belong to the key, sorted. */
  readonly secretKeys?: readonly string[];
}

const PREFIX = 'tsbuild:';
const OPTIONS = ['ttl', 'secret-key'] as const;
type OptionName = (typeof OPTIONS)[number];

interface Option {
  readonly name: string;
  readonly value: string;
  readonly comment: Text;
}

/** One option a line: `tsbuild:NAME=VALUE`, blanks around it do not matter. */
function optionsAbove({ comments }: Pick<Instruction, 'comments'>): readonly Option[] {
  return comments.flatMap((comment) => {
    const text = comment.text.trim();
    if (!comment.attached || !text.startsWith(PREFIX)) return [];
    const at = text.indexOf('=');
    const name = text.slice(PREFIX.length, at === -1 ? undefined : at).trim();
    return [{ name, value: at === -1 ? '' : text.slice(at + 1).trim(), comment }];
  });
}

/** Of the same option the last one counts, as with build arguments; several secrets add up. */
export function readStepComments(instruction: Instruction, mounts: readonly Mount[], reporter: Reporter): StepComments {
  let ttl: number | undefined;
  const secrets = new Set<string>();
  for (const { name, value, comment } of optionsAbove(instruction)) {
    const ignore = (message: string, hint: { readonly hint?: string }): void =>
      reporter.warn('StepCommentIgnored', comment.span, `This comment is ignored: ${message}`, hint);
    const option: OptionName | undefined = OPTIONS.find((known) => known === name);
    if (option === 'ttl') {
      const time = durationOf(value);
      if (time === null) ignore(`${JSON.stringify(value)} is no duration`, { hint: 'write it like 90m, 24h, 7d or 1h30m' });
      else ttl = time;
    } else if (option === 'secret-key') {
      const ids = mounts.flatMap((mount) => (mount.type === 'secret' ? [mount.id] : []));
      for (const id of value.split(',').map((each) => each.trim())) {
        if (ids.includes(id)) secrets.add(id);
        else ignore(`the step has no secret ${JSON.stringify(id)}`, ids.length === 0 ? { hint: SECRET_HINT } : didYouMean(id, ids));
      }
    } else ignore(`there is no option ${JSON.stringify(name)}`, didYouMean(name, OPTIONS));
  }
  return { ...(ttl === undefined ? {} : { ttl }), ...(secrets.size === 0 ? {} : { secretKeys: [...secrets].sort() }) };
}

const SECRET_HINT = 'it must be the id of a --mount=type=secret of this RUN';

/** For all instructions but RUN. */
export function refuseStepComments(instruction: Instruction, reporter: Reporter): void {
  for (const { comment } of optionsAbove(instruction)) {
    const message = 'This comment is ignored: it does not stand above a RUN';
    reporter.warn('StepCommentIgnored', comment.span, message, { hint: 'only RUN steps have an age and secrets' });
  }
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `90s`, `1h30m`, `7d` in milliseconds. */
function durationOf(text: string): number | null {
  if (!/^(?:\d{1,6}[smhdw])+$/.test(text)) return null;
  return [...text.matchAll(/(\d+)([smhdw])/g)].reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ''] ?? 0), 0);
}
