// The fields of one output, as the command line and bake files write them, → what the build makes. The
// names are those of BuildKit's exporters (E-01, E-02, E-08, E-09); a field that would do nothing is refused.
import { type Annotation, parseAnnotation } from './annotations.ts';
import type { ImageForm, OutputSpec } from './build-request.ts';
import { LAYER_FIELDS, parseLayerOptions, parseSwitch, type Refuse } from './layer-options.ts';

const IMAGE_FIELDS = ['name', 'name-canonical', 'push-by-digest', 'oci-mediatypes', ...LAYER_FIELDS];
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

/** Fields of BuildKit for what is said in another place, or not needed, here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'registry.insecure': 'mark the registry as insecure in registries.conf; loopback is plain http anyway',
  'source-date-epoch': 'set SOURCE_DATE_EPOCH, in the environment or with --build-arg',
  store: 'images are always kept in the store; type=cacheonly names nothing there',
  unpack: 'leave it out: layers are unpacked when something runs on them',
};

type OutputType = keyof typeof FIELDS;
const isType = (text: string): text is OutputType => Object.hasOwn(FIELDS, text);

export type Fields = ReadonlyMap<string, string>;

/** `fields` without `type`. A Docker archive without a place goes to the Docker of this machine, other archives to stdout. */
export function parseOutput(type: string, fields: Fields, refuse: Refuse): OutputSpec {
  if (!isType(type)) throw refuse(`type=${type} is not an output`, `outputs are ${Object.keys(FIELDS).join(', ')}`);
  const known: readonly string[] = FIELDS[type];
  const shipsImage = known.includes('name');
  const unknown = [...fields.keys()].find((key) => !known.includes(key) && !(shipsImage && ANNOTATION.test(key)));
  if (unknown !== undefined) {
    const why = shipsImage && Object.hasOwn(ELSEWHERE, unknown) ? ELSEWHERE[unknown] : undefined;
    const hint = why ?? (known.length === 0 ? 'it has none' : `fields are ${known.join(', ')}`);
    throw refuse(`type=${type} has no field ${JSON.stringify(unknown)}`, hint);
  }
  const isOn = (key: string, otherwise: boolean): boolean => parseSwitch(fields, key, refuse) ?? otherwise;
  switch (type) {
    case 'image':
    case 'registry': {
      const push = type === 'registry' || isOn('push', false);
      const nameCanonical = isOn('name-canonical', false);
      const pushByDigest = isOn('push-by-digest', false);
      return { type: 'image', push, pushByDigest, ...(nameCanonical ? { nameCanonical } : {}), ...imageForm(fields, refuse) };
    }
    case 'oci':
    case 'docker': {
      const dest = fields.get('dest') ?? '';
      const tar = isOn('tar', true);
      if (dest === '' && !tar) throw refuse('tar=false needs dest=', 'a directory is written to a place of its own');
      if (type === 'docker' && !tar) throw refuse('type=docker is written as an archive only', 'leave tar=false out, or use type=oci');
      if (type === 'docker' && dest === '') return { type: 'load', ...imageForm(fields, refuse) };
      return { type, dest: dest === '' ? '-' : dest, tar, ...imageForm(fields, refuse) };
    }
    case 'tar':
    case 'local':
      return { type, dest: treeDestination(type, fields, refuse), platformSplit: parseSwitch(fields, 'platform-split', refuse) ?? null };
    case 'cacheonly':
      return { type };
  }
}

/** What a build ships when nothing is said about it. */
export const PLAIN_IMAGE = { type: 'image', names: [], push: false, pushByDigest: false, layers: {} } as const satisfies OutputSpec;

/** A result that goes nowhere else is in the store, so that it can be run and used; as it is handed to an engine, if it is. */
export function withStored(outputs: readonly OutputSpec[]): readonly OutputSpec[] {
  const loads = outputs.filter((output) => output.type === 'load');
  return loads.length < outputs.length ? outputs : [{ ...PLAIN_IMAGE, ...loads[0], type: 'image' }, ...loads];
}

function imageForm(fields: Fields, refuse: Refuse): ImageForm {
  const oci = parseSwitch(fields, 'oci-mediatypes', refuse);
  const annotations = annotationsIn(fields, refuse);
  return {
    names: (fields.get('name') ?? '').split(',').filter((name) => name !== ''),
    layers: parseLayerOptions(fields, refuse),
    ...(oci === undefined ? {} : { mediaTypes: oci ? 'oci' : 'docker' }),
    ...(annotations.length === 0 ? {} : { annotations }),
  };
}

/** `annotation[-TYPE][[PLATFORM]].KEY=VALUE` (E-05). */
const ANNOTATION = /^annotation(?:-([a-z-]+))?(\[[^\]]*\])?\.(.*)$/s;

function annotationsIn(fields: Fields, refuse: Refuse): Annotation[] {
  return [...fields].flatMap(([field, value]) => {
    const [, type = 'manifest', platform = '', key] = ANNOTATION.exec(field) ?? [];
    return key === undefined ? [] : parseAnnotation(`${type}${platform}:${key}=${value}`, refuse);
  });
}

function treeDestination(type: 'tar' | 'local', fields: Fields, refuse: Refuse): string {
  const dest = fields.get('dest') ?? '';
  if (dest !== '') return dest;
  if (type === 'tar') return '-';
  throw refuse('type=local needs dest=');
}
