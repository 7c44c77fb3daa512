// The fields of one output, as the command line and bake files write them, → what the build makes. The
// names are those of BuildKit's exporters (E-01, E-02, E-08, E-09); a field that would do nothing is refused.
import type { MediaTypeFamily } from '../push/assemble/manifest-bytes.ts';
import type { OutputSpec } from './build-request.ts';
import { LAYER_FIELDS, parseSwitch, type Refuse } from './layer-options.ts';

const IMAGE_FIELDS = ['name', 'push-by-digest', 'oci-mediatypes', ...LAYER_FIELDS];
const ARCHIVE_FIELDS = ['name', 'dest', 'tar', 'oci-mediatypes', ...LAYER_FIELDS];
const FIELDS = {
  image: ['push', ...IMAGE_FIELDS],
  registry: IMAGE_FIELDS,
  oci: ARCHIVE_FIELDS,
  docker: ARCHIVE_FIELDS,
  tar: ['dest', 'platform-split'],
  local: ['dest', 'platform-split'],
  cacheonly: [],
} as const satisfies Record<string, readonly string[]>;

type OutputType = keyof typeof FIELDS;
const isType = (text: string): text is OutputType => Object.hasOwn(FIELDS, text);

export type Fields = ReadonlyMap<string, string>;

/** `fields` without `type`. A Docker archive without a place goes to the Docker of this machine, other archives to stdout. */
export function parseOutput(type: string, fields: Fields, refuse: Refuse): OutputSpec {
  if (!isType(type)) throw refuse(`type=${type} is not an output`, `outputs are ${Object.keys(FIELDS).join(', ')}`);
  const known: readonly string[] = FIELDS[type];
  const unknown = [...fields.keys()].find((key) => !known.includes(key));
  if (unknown !== undefined) {
    const hint = known.length === 0 ? 'it has none' : `fields are ${known.join(', ')}`;
    throw refuse(`type=${type} has no field ${JSON.stringify(unknown)}`, hint);
  }
  const isOn = (key: string, otherwise: boolean): boolean => parseSwitch(fields, key, refuse) ?? otherwise;
  const names = (fields.get('name') ?? '').split(',').filter((name) => name !== '');
  switch (type) {
    case 'image':
    case 'registry': {
      const push = type === 'registry' || isOn('push', false);
      return { type: 'image', names, push, pushByDigest: isOn('push-by-digest', false), ...mediaTypes(fields, refuse) };
    }
    case 'oci':
    case 'docker': {
      const dest = fields.get('dest');
      if (type === 'docker' && dest === undefined) return { type: 'load' };
      return { type, names, dest: dest ?? '-', tar: isOn('tar', true), ...mediaTypes(fields, refuse) };
    }
    case 'tar':
    case 'local':
      return { type, dest: treeDestination(type, fields, refuse), platformSplit: parseSwitch(fields, 'platform-split', refuse) ?? null };
    case 'cacheonly':
      return { type };
  }
}

function mediaTypes(fields: Fields, refuse: Refuse): { readonly mediaTypes?: MediaTypeFamily } {
  const oci = parseSwitch(fields, 'oci-mediatypes', refuse);
  return oci === undefined ? {} : { mediaTypes: oci ? 'oci' : 'docker' };
}

function treeDestination(type: 'tar' | 'local', fields: Fields, refuse: Refuse): string {
  const dest = fields.get('dest') ?? '';
  if (dest !== '') return dest;
  if (type === 'tar') return '-';
  throw refuse('type=local needs dest=');
}
