// What `--from` and mounts name: resolution to stages, contexts and images, and the dependencies
// between stages that follow (C-01, M-05, F-05, F-13).
import type { Platform } from '../core/platform.ts';
import type { Span } from '../core/span.ts';
import type { Instruction } from '../parser/ast.ts';
import { didYouMean } from './did-you-mean.ts';
import type { NamedContexts } from './named-contexts.ts';
import type { Reporter } from './reporter.ts';
import { originOfName } from './stage-table.ts';
import type { Origin, StageTable } from './stages.ts';

export type Use = 'copy' | 'mount';

export interface Mention {
  readonly name: string;
  readonly span: Span;
  readonly use: Use;
}

/** Every source that an instruction names; mounts whose `from` holds a variable are refused later, when they are read. */
export function mentionsOf(instruction: Instruction): Mention[] {
  if (instruction.kind === 'copy' || instruction.kind === 'add') {
    const { from } = instruction;
    return from === undefined || from.value === '' ? [] : [{ name: from.value, span: from.valueSpan, use: 'copy' }];
  }
  if (instruction.kind !== 'run') return [];
  const mentions: Mention[] = [];
  for (const mount of instruction.mounts) {
    const field = mount.value.findLast(({ key }) => key.text.toLowerCase() === 'from');
    const literal = field?.value?.parts.every((part) => part.type === 'literal') ?? false;
    if (!field?.value || !literal) continue;
    const name = field.value.parts.map((part) => (part.type === 'literal' ? part.text : '')).join('');
    if (name !== '') mentions.push({ name, span: field.value.span, use: 'mount' });
  }
  return mentions;
}

export interface MentionContext {
  readonly table: StageTable;
  readonly contexts: NamedContexts;
  /** For images: the target platform. */
  readonly platform: Platform;
}

/** undefined after an error that was reported. */
export function resolveMention(mention: Mention, { table, contexts, platform }: MentionContext, reporter: Reporter): Origin | undefined {
  const { name, span, use } = mention;
  if (use === 'copy' && /^[+-]?\d+$/.test(name)) return resolveIndex(mention, table, reporter);
  const stage = table.byName.get(name.toLowerCase());
  if (stage !== undefined) return { type: 'stage', index: stage.index };
  return originOfName(name, platform, span, contexts, reporter);
}

function resolveIndex({ name, span }: Mention, table: StageTable, reporter: Reporter): Origin | undefined {
  const index = Number(name);
  if (index >= 0 && index < table.stages.length) return { type: 'stage', index: Math.abs(index) };
  reporter.error('plan/invalid-stage-index', span, `invalid stage index ${name}`, {
    hint: table.stages.length === 1 ? 'there is one stage, number 0' : `stages are numbered from 0 to ${table.stages.length - 1}`,
  });
  return undefined;
}

/** F-12: by name only; the last stage when no target was asked for. */
export function findTarget(table: StageTable, target: string | undefined, reporter: Reporter): number | undefined {
  if (target === undefined || target === '') return table.stages.length - 1;
  const stage = table.byName.get(target.toLowerCase());
  if (stage !== undefined) return stage.index;
  const near = didYouMean(target, table.byName.keys());
  const names = [...table.byName.keys()];
  const hint =
    names.length > 0 ? `stages with a name: ${names.slice(0, 20).join(', ')}` : 'no stage has a name: add AS name to its FROM line';
  reporter.error('plan/undefined-target', undefined, `target stage ${JSON.stringify(target.slice(0, 200))} could not be found`, {
    hint: near.hint ?? hint,
  });
  return undefined;
}
