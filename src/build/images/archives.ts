// `save` and `load`: images between the store and archives.
import type { Readable } from 'node:stream';
import type { Descriptor } from '../../core/descriptor.ts';
import { TsbuildError } from '../../core/errors.ts';
import { hostPlatform } from '../../core/platform.ts';
import { parseReference } from '../../core/reference.ts';
import { writeDockerArchive } from '../../push/assemble/docker-archive.ts';
import { writeOciArchive } from '../../push/assemble/oci-archive.ts';
import { readArchive } from '../../push/assemble/read-archive.ts';
import { toDestination } from '../outputs/archive-output.ts';
import { RegistryAccess } from '../registry-access.ts';
import type { Session } from '../session.ts';
import { findImage, openImage, platformManifests, shownName } from './local-images.ts';

/** `dest` is a file, or `-` for stdout. Layers that are only in a registry are fetched first. */
export async function saveImages(session: Session, names: readonly string[], format: 'docker' | 'oci', dest: string): Promise<void> {
  const images: { descriptor: Descriptor; names: string[]; created: number }[] = [];
  for (const name of names) {
    const row = await findImage(session, name);
    await fetchLayers(session, row.target);
    images.push({ descriptor: row.target, names: [row.name], created: row.created });
  }
  const write = format === 'docker' ? writeDockerArchive : writeOciArchive;
  await toDestination(dest, (out) => write(images, session.blobs, out, session.signal));
}

async function fetchLayers(session: Session, target: Descriptor): Promise<void> {
  const registry = new RegistryAccess(session);
  try {
    for (const manifest of await platformManifests(session, target)) {
      const image = await openImage(session, manifest, manifest.platform ?? hostPlatform(process.arch));
      if (image === null) continue;
      for (const [at, blob] of image.manifest.layers.entries()) {
        const diffId = image.config.rootfs.diff_ids[at];
        const [location] = session.index.locations(blob.digest);
        if (diffId === undefined || location === undefined || session.blobs.has(blob.digest)) continue;
        await registry.fetchLayer(parseReference(location), { blob, diffId });
      }
    }
  } finally {
    await registry.close();
  }
}

/** Names of what was loaded; an image without a name is shown by digest. */
export async function loadImages(session: Session, input: Readable): Promise<readonly string[]> {
  const images = await readArchive(input, session.blobs, session.signal);
  if (images.length === 0) throw new TsbuildError({ code: 'build/no-such-image', message: 'the archive holds no image' });
  const loaded: string[] = [];
  for (const { descriptor, names } of images) {
    for (const name of names) session.index.setTag(name, descriptor, session.clock());
    loaded.push(...(names.length > 0 ? names.map(shownName) : [descriptor.digest]));
  }
  return loaded;
}
