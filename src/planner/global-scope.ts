// ARGs before the first FROM and the platform ARGs: what FROM lines can refer to
// and what a bare `ARG name` in a stage takes over.
import { formatPlatform, type Platform } from '../core/platform.ts';
import type { Span } from '../core/span.ts';
import type { Instruction } from '../parser/ast.ts';
import { expandWord, hintOf } from './expand.ts';
import type { Reporter } from './reporter.ts';
import { Scope } from './scope.ts';

export interface GlobalScope {
  readonly values: Scope;
  /** Values without any build argument, for the check of defaults (W-17). */
  readonly defaults: Scope;
  /** Name → names that its value is made of; without those that a build argument gives. */
  readonly madeOf: ReadonlyMap<string, ReadonlySet<string>>;
  /** Declared by the file, and platform ARGs: names that FROM may use. */
  readonly known: ReadonlySet<string>;
  /** Value and place of a global SOURCE_DATE_EPOCH (Z-02). */
  readonly epoch?: { readonly value: string; readonly span?: Span };
}

export interface GlobalInput {
  readonly preamble: readonly Instruction[];
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly buildPlatform: Platform;
  readonly targetPlatform: Platform;
  /** Name of the target, `default` when none was asked for. */
  readonly targetStage: string;
}

const platformArgs = (prefix: 'BUILD' | 'TARGET', platform: Platform): [string, string][] => [
  [`${prefix}PLATFORM`, formatPlatform(platform)],
  [`${prefix}OS`, platform.os],
  [`${prefix}OSVERSION`, platform['os.version'] ?? ''],
  [`${prefix}ARCH`, platform.architecture],
  [`${prefix}VARIANT`, platform.variant ?? ''],
];

export function buildArg(buildArgs: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(buildArgs, name) ? buildArgs[name] : undefined;
}

export function buildGlobalScope(input: GlobalInput, reporter: Reporter): GlobalScope {
  const builtin = [
    ...platformArgs('BUILD', input.buildPlatform),
    ...platformArgs('TARGET', input.targetPlatform),
    ['TARGETSTAGE', input.targetStage] as [string, string],
  ];
  const known = new Set(builtin.map(([name]) => name));
  let values = Scope.from(builtin.map(([name, value]) => [name, buildArg(input.buildArgs, name) ?? value]));
  let defaults = Scope.from(builtin);
  const madeOf = new Map<string, ReadonlySet<string>>();
  let epochSpan: Span | undefined;
  for (const instruction of input.preamble) {
    if (instruction.kind !== 'arg') continue;
    for (const { name, value: word, span } of instruction.args) {
      known.add(name.text);
      if (name.text === 'SOURCE_DATE_EPOCH') epochSpan = span;
      const given = buildArg(input.buildArgs, name.text);
      if (word !== undefined) {
        // The default is expanded twice: with build arguments for the build, and without for the check.
        const plain = expandWord(word, (variable) => defaults.get(variable));
        if (plain.ok) defaults = defaults.with(name.text, plain.value);
        if (given === undefined) {
          const expanded = expandWord(word, (variable) => values.get(variable));
          if (expanded.ok) {
            values = values.with(name.text, expanded.value);
            madeOf.set(name.text, expanded.used);
          } else reporter.error('plan/bad-substitution', expanded.span, expanded.message, hintOf(expanded));
        }
      }
      if (given !== undefined) values = values.with(name.text, given);
    }
  }
  const epoch = buildArg(input.buildArgs, 'SOURCE_DATE_EPOCH') ?? (epochSpan && values.get('SOURCE_DATE_EPOCH'));
  return {
    values,
    defaults,
    madeOf,
    known,
    ...(epoch !== undefined && { epoch: { value: epoch, ...(epochSpan && { span: epochSpan }) } }),
  };
}

/** Z-01: whole seconds, or empty for none. Returns undefined and reports for anything else. */
export function parseEpoch(epoch: GlobalScope['epoch'], reporter: Reporter): number | undefined {
  if (epoch === undefined || epoch.value === '') return undefined;
  // Times of the years 0 to 9999: what RFC 3339 and the image config can express.
  const seconds = /^[+-]?\d{1,30}$/.test(epoch.value) ? Number(epoch.value) : Number.NaN;
  if (seconds >= -62167219200 && seconds <= 253402300799) return seconds + 0;
  reporter.error('plan/invalid-epoch', epoch.span, `invalid SOURCE_DATE_EPOCH: ${JSON.stringify(epoch.value.slice(0, 100))}`, {
    hint: 'give whole seconds since 1970-01-01, for example the output of `git log -1 --format=%ct`',
  });
  return undefined;
}
