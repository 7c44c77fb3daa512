// index.json of an OCI layout as buildx writes it: one entry for each name (E-08).
import type { Descriptor } from '../../core/descriptor.ts';
import { OCI_INDEX } from '../../core/media-types.ts';
import { type Reference, tryParseReference, withDefaultTag } from '../../core/reference.ts';
import { encodeIndex } from './manifest-bytes.ts';

export const LAYOUT_FILE = 'oci-layout';
export const LAYOUT_VERSION = '{"imageLayoutVersion":"1.0.0"}';
export const INDEX_FILE = 'index.json';
/** Full name, as containerd knows images. */
export const NAME_ANNOTATION = 'io.containerd.image.name';
/** The tag alone, as the image layout specification wants it. */
export const REF_ANNOTATION = 'org.opencontainers.image.ref.name';
const CREATED_ANNOTATION = 'org.opencontainers.image.created';

export interface LayoutImage {
  readonly descriptor: Descriptor;
  /** Normalised names with tag (`docker.io/library/app:1`); none is allowed. */
  readonly names: readonly string[];
  /** Milliseconds: the time of the export, or the epoch of the build. */
  readonly created: number;
}

/** One descriptor for each name, or one without a name. */
export function layoutEntries(image: LayoutImage): Descriptor[] {
  const created = `${new Date(image.created).toISOString().slice(0, 19)}Z`;
  const entry = (annotations: Readonly<Record<string, string>>): Descriptor => ({
    ...image.descriptor,
    annotations: { [CREATED_ANNOTATION]: created, ...image.descriptor.annotations, ...annotations },
  });
  if (image.names.length === 0) return [entry({})];
  return image.names.map((name) => {
    const tag = tagOf(name);
    return entry({ [NAME_ANNOTATION]: name, ...(tag === undefined ? {} : { [REF_ANNOTATION]: tag }) });
  });
}

function tagOf(name: string): string | undefined {
  const parsed = tryParseReference(name);
  return parsed.ok ? withDefaultTag(parsed.reference satisfies Reference).tag : undefined;
}

export const encodeLayoutIndex = (entries: readonly Descriptor[]): Buffer => encodeIndex(OCI_INDEX, entries, undefined, false);
