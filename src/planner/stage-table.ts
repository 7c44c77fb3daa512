// Makes the stage table: expands FROM lines, applies name rules and named contexts (F-01…F-12, K-13).
// Problems here are errors for every stage, reachable or not, as in BuildKit.
import { type Platform, tryParsePlatform } from '../core/platform.ts';
import { formatReference, tryParseReference, withDefaultTag } from '../core/reference.ts';
import type { Span } from '../core/span.ts';
import type { FromInstruction } from '../parser/ast.ts';
import { checkBasePlatformFlag, checkFromVariables } from './checks/from-arguments.ts';
import { checkStageName } from './checks/stage-names.ts';
import { didYouMean } from './did-you-mean.ts';
import { expandWord, hintOf } from './expand.ts';
import type { NamedContext } from './facts.ts';
import type { GlobalScope } from './global-scope.ts';
import type { FoundContext, NamedContexts } from './named-contexts.ts';
import type { Reporter } from './reporter.ts';
import type { Origin, Stage, StageBody, StageTable } from './stages.ts';

export interface TableInput {
  readonly bodies: readonly StageBody[];
  readonly globals: GlobalScope;
  readonly contexts: NamedContexts;
  readonly targetPlatform: Platform;
  readonly buildPlatform: Platform;
}

export function buildStageTable(input: TableInput, reporter: Reporter): StageTable {
  const stages: Stage[] = [];
  const byName = new Map<string, Stage>();
  for (const [index, body] of input.bodies.entries()) {
    const stage = buildStage(index, body, byName, stages, input, reporter);
    stages.push(stage);
    if (stage.name !== undefined) byName.set(stage.name, stage);
  }
  return { stages, byName };
}

function buildStage(
  index: number,
  { from, instructions }: StageBody,
  byName: ReadonlyMap<string, Stage>,
  stages: readonly Stage[],
  input: TableInput,
  reporter: Reporter,
): Stage {
  const name = stageName(from, byName, reporter);
  const asked = stagePlatform(from, input, reporter);
  const platform = asked ?? input.targetPlatform;
  const displayName = name ?? `stage-${index}`;
  const stage = { index, name, displayName, from, instructions, platform, replaced: false };

  const standIn = name === undefined ? undefined : input.contexts.find(name, platform);
  const image = expandBase(from, input.globals, reporter);
  if (standIn !== undefined) {
    return { ...stage, origin: originOfContext(standIn, platform, from.image.span, reporter), instructions: [], replaced: true };
  }
  if (image === undefined) return { ...stage, origin: { type: 'scratch' } };
  // Exact comparison: names are registered in lower case (F-04).
  const parent = byName.get(image);
  if (parent !== undefined) {
    return { ...stage, origin: { type: 'stage', index: parent.index }, platform: stages[parent.index]?.platform ?? platform };
  }
  return { ...stage, origin: originOfName(image, platform, from.image.span, input.contexts, reporter) };
}

function stageName(from: FromInstruction, byName: ReadonlyMap<string, Stage>, reporter: Reporter): string | undefined {
  if (from.as === undefined) return undefined;
  const name = from.as.name.text.toLowerCase();
  checkStageName(from, byName.get(name), reporter);
  return name;
}

function stagePlatform(from: FromInstruction, input: TableInput, reporter: Reporter): Platform | undefined {
  if (from.platform === undefined) return undefined;
  const { value: word, valueSpan } = from.platform;
  // `--platform=` with nothing written is no flag; nothing left after expansion is an error (F-09).
  if (word.raw === '') return undefined;
  const expanded = expandWord(word, (name) => input.globals.values.get(name));
  if (!expanded.ok) {
    reporter.error('plan/bad-substitution', expanded.span, expanded.message, hintOf(expanded));
    return undefined;
  }
  checkFromVariables(expanded.unset, input.globals, reporter);
  checkBasePlatformFlag(from, expanded.used, expanded.value, reporter);
  const guess = expanded.unset[0];
  const hint = guess === undefined ? {} : didYouMean(guess.name, input.globals.known);
  if (expanded.value === '') {
    reporter.error('plan/invalid-platform', valueSpan, `empty platform value from expression ${word.raw}`, hint);
    return undefined;
  }
  const parsed = tryParsePlatform(expanded.value, input.buildPlatform);
  if (parsed.ok) return parsed.platform;
  reporter.error('plan/invalid-platform', valueSpan, `failed to parse platform ${parsed.reason}`, hint);
  return undefined;
}

function expandBase(from: FromInstruction, globals: GlobalScope, reporter: Reporter): string | undefined {
  const expanded = expandWord(from.image, (name) => globals.values.get(name));
  if (!expanded.ok) {
    reporter.error('plan/bad-substitution', expanded.span, expanded.message, hintOf(expanded));
    return undefined;
  }
  checkFromVariables(expanded.unset, globals, reporter);
  checkFromDefaults(from, globals, reporter);
  if (expanded.value !== '') return expanded.value;
  const guess = expanded.unset[0];
  reporter.error('plan/blank-base', from.image.span, `base name (${from.image.raw}) should not be blank`, {
    ...(guess && didYouMean(guess.name, globals.known)),
  });
  return undefined;
}

/** W-17: the file alone, without build arguments, must name a possible image. */
function checkFromDefaults(from: FromInstruction, globals: GlobalScope, reporter: Reporter): void {
  if (from.image.parts.every((part) => part.type === 'literal')) return;
  const plain = expandWord(from.image, (name) => globals.defaults.get(name));
  if (!plain.ok || tryParseReference(plain.value).ok) return;
  const message = `Default value for ARG ${from.image.raw} results in empty or invalid base image name`;
  reporter.warn('InvalidDefaultArgInFrom', from.image.span, message);
}

/** A name that is no stage: scratch, a named context or an image. */
export function originOfName(text: string, platform: Platform, span: Span, contexts: NamedContexts, reporter: Reporter): Origin {
  if (text === 'scratch') return { type: 'scratch' };
  const context = contexts.find(text, platform);
  if (context !== undefined) return originOfContext(context, platform, span, reporter);
  return imageOrigin(text, platform, span, reporter);
}

function imageOrigin(text: string, platform: Platform, span: Span, reporter: Reporter): Origin {
  const parsed = tryParseReference(text);
  if (parsed.ok) return { type: 'image', reference: formatReference(withDefaultTag(parsed.reference)), platform };
  reporter.error('plan/invalid-reference', span, `${JSON.stringify(text.slice(0, 200))}: ${parsed.reason}`);
  return { type: 'scratch' };
}

export function originOfContext({ name, context }: FoundContext, platform: Platform, span: Span, reporter: Reporter): Origin {
  switch (context.type) {
    case 'image':
      return imageOrigin(context.reference, platform, span, reporter);
    case 'oci-layout':
      return { type: 'image', reference: ociLayoutReference(context), platform };
    default:
      return { type: 'context', name, context };
  }
}

const ociLayoutReference = (context: Extract<NamedContext, { type: 'oci-layout' }>): string =>
  `oci-layout://${context.path}@${context.digest}`;
