// -o/--output, --push, --load → outputs. The grammar is buildx's: a directory, `-`, or CSV with type=.
import type { OutputSpec } from '../build/request/build-request.ts';
import type { Refuse } from '../build/request/layer-options.ts';
import { PLAIN_IMAGE, parseOutput, withStored } from '../build/request/output-spec.ts';
import { csvFields } from './csv-fields.ts';
import { isOn, listOf, type ParsedArgs } from './flags/flag.ts';
import { usageError } from './flags/parse-argv.ts';

const fail = (message: string, hint?: string): Error => usageError('build', message, hint);

export function parseOutputs(args: ParsedArgs): readonly OutputSpec[] {
  const outputs: OutputSpec[] = [];
  for (const text of listOf(args, 'output')) {
    if (text === '') continue;
    const fields = new Map(outputFields(text));
    const type = fields.get('type');
    fields.delete('type');
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

function outputFields(text: string): ReadonlyMap<string, string> {
  if (text === '-') return new Map([['type', 'tar']]);
  if (!text.includes('='))
    return new Map([
      ['type', 'local'],
      ['dest', text],
    ]);
  const fields = csvFields(text, (message) => fail(`--output: ${message}`));
  const bare = [...fields].find(([key, value]) => value === '' && !text.includes(`${key}=`))?.[0];
  if (bare !== undefined) throw fail(`--output: ${JSON.stringify(bare)} is not KEY=VALUE`);
  return fields;
}
