// -o/--output, --push, --load → outputs. The grammar is buildx's: a directory, `-`, or CSV with type=.
import type { LayerOptions, OutputSpec } from '../build/build-request.ts';
import { LAYER_FIELDS, parseLayerOptions } from '../build/layer-options.ts';
import { isOn, listOf, type ParsedArgs } from './flags/flag.ts';
import { usageError } from './flags/parse-argv.ts';

const TYPES = ['image', 'registry', 'oci', 'docker', 'tar', 'local'] as const;
type OutputType = (typeof TYPES)[number];

const FIELDS: Readonly<Record<OutputType, readonly string[]>> = {
  image: ['name', 'push', 'push-by-digest'],
  registry: ['name', 'push-by-digest'],
  oci: ['name', 'dest', 'tar'],
  docker: ['name', 'dest', 'tar'],
  tar: ['dest', 'platform-split'],
  local: ['dest', 'platform-split'],
};

const fail = (message: string, hint?: string): Error => usageError('build', message, hint);

export function parseOutputs(args: ParsedArgs): { readonly outputs: readonly OutputSpec[]; readonly layers: LayerOptions } {
  const outputs: OutputSpec[] = [];
  let layers: LayerOptions = { compression: 'gzip' };
  for (const text of listOf(args, 'output')) {
    const fields = outputFields(text);
    layers = parseLayerOptions(fields, layers, (message) => fail(`--output: ${message}`));
    outputs.push(outputOf(fields));
  }
  if (isOn(args, 'push')) {
    const image = outputs.findIndex((output) => output.type === 'image');
    const found = outputs[image];
    if (found?.type === 'image') outputs[image] = { ...found, push: true };
    else outputs.push({ type: 'image', names: [], push: true, pushByDigest: false });
  }
  if (isOn(args, 'load')) outputs.push({ type: 'load' });
  if (!outputs.some((output) => output.type !== 'load')) outputs.unshift({ type: 'image', names: [], push: false, pushByDigest: false });
  return { outputs, layers };
}

function outputFields(text: string): Map<string, string> {
  if (text === '-')
    return new Map([
      ['type', 'tar'],
      ['dest', '-'],
    ]);
  if (!text.includes('='))
    return new Map([
      ['type', 'local'],
      ['dest', text],
    ]);
  return new Map(splitCsv(text));
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

function outputOf(fields: ReadonlyMap<string, string>): OutputSpec {
  const type = fields.get('type') as OutputType | undefined;
  if (type === undefined) throw fail('--output has no type', `types are ${TYPES.join(', ')}`);
  const known = FIELDS[type];
  if (known === undefined) throw fail(`--output has no type ${JSON.stringify(type)}`, `types are ${TYPES.join(', ')}`);
  for (const key of fields.keys()) {
    if (key === 'type' || known.includes(key) || (type !== 'tar' && type !== 'local' && LAYER_FIELDS.includes(key))) continue;
    throw fail(`--output type=${type} has no field ${JSON.stringify(key)}`, `fields are ${[...known, ...LAYER_FIELDS].join(', ')}`);
  }
  const names = (fields.get('name') ?? '').split(',').filter((name) => name !== '');
  switch (type) {
    case 'image':
    case 'registry':
      return {
        type: 'image',
        names,
        push: type === 'registry' || bool(fields, 'push', false),
        pushByDigest: bool(fields, 'push-by-digest', false),
      };
    case 'oci':
    case 'docker':
      return { type, names, dest: fields.get('dest') ?? '-', tar: bool(fields, 'tar', true) };
    case 'tar':
    case 'local':
      return {
        type,
        dest: type === 'tar' ? (fields.get('dest') ?? '-') : required(fields, type),
        platformSplit: fields.has('platform-split') ? bool(fields, 'platform-split', true) : null,
      };
  }
}

function required(fields: ReadonlyMap<string, string>, type: string): string {
  const dest = fields.get('dest');
  if (dest === undefined || dest === '') throw fail(`--output type=${type} needs dest=`);
  return dest;
}

function bool(fields: ReadonlyMap<string, string>, key: string, otherwise: boolean): boolean {
  const text = fields.get(key);
  if (text === undefined) return otherwise;
  if (text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0') return false;
  throw fail(`--output: ${key} is true or false, got ${JSON.stringify(text)}`);
}
