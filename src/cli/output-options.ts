// -o/--output, --push, --load → outputs. The grammar is buildx's: a directory, `-`, or CSV with type=.
import type { OutputSpec } from '../build/request/build-request.ts';
import type { Refuse } from '../build/request/layer-options.ts';
import { PLAIN_IMAGE, parseOutput, withStored } from '../build/request/output-spec.ts';
import { isOn, listOf, type ParsedArgs } from './flags/flag.ts';
import { usageError } from './flags/parse-argv.ts';

const fail = (message: string, hint?: string): Error => usageError('build', message, hint);

export function parseOutputs(args: ParsedArgs): readonly OutputSpec[] {
  const outputs: OutputSpec[] = [];
  for (const text of listOf(args, 'output')) {
    const { type, ...rest } = outputFields(text);
    const fields = new Map(Object.entries(rest));
    const refuse: Refuse = (message, hint) => fail(`--output: ${message}`, hint);
    if (type === undefined)
      throw refuse(`${JSON.stringify(text)} has no type`, 'write type=image, registry, oci, docker, tar, local or cacheonly');
    outputs.push(parseOutput(type, fields, refuse));
  }
  if (isOn(args, 'push')) {
    const image = outputs.findIndex((output) => output.type === 'image');
    const found = outputs[image];
    if (found?.type === 'image') outputs[image] = { ...found, push: true };
    else outputs.push({ ...PLAIN_IMAGE, push: true });
  }
  if (isOn(args, 'load') && !outputs.some((output) => output.type === 'load')) outputs.push({ type: 'load', names: [], layers: {} });
  return withStored(outputs);
}

function outputFields(text: string): Readonly<Record<string, string>> {
  if (text === '-') return { type: 'tar', dest: '-' };
  if (!text.includes('=')) return { type: 'local', dest: text };
  return Object.fromEntries(splitCsv(text));
}

/** A quoted field may hold commas: `"name=a,b"`. */
function splitCsv(text: string): [string, string][] {
  const fields = text.match(/"(?:[^"]|"")*"|[^,]+/g) ?? [];
  return fields.map((field) => {
    const plain = field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field;
    const at = plain.indexOf('=');
    if (at === -1) throw fail(`--output: ${JSON.stringify(plain)} is not KEY=VALUE`);
    return [plain.slice(0, at).trim().toLowerCase(), plain.slice(at + 1)];
  });
}
