// `pull` and `push` of whole images.

import type { Descriptor } from '../../core/descriptor.ts';
import type { Digest } from '../../core/digest.ts';
import { TsbuildError } from '../../core/errors.ts';
import type { Platform } from '../../core/platform.ts';
import { familiarReference, parseReference, withDefaultTag } from '../../core/reference.ts';
import { asVertex } from '../as-vertex.ts';
import { openPushTo } from '../outputs/push-output.ts';
import { RegistryAccess } from '../registry-access.ts';
import type { Session } from '../session.ts';
import { findImage, openImage, platformManifests } from './local-images.ts';

/** Everything of the image for one platform, layers included. Returns what the name means now. */
export async function pullWholeImage(session: Session, text: string, platform: Platform): Promise<Digest> {
  const registry = new RegistryAccess(session);
  const reference = withDefaultTag(parseReference(text));
  const vertex = { id: `pull ${text}`, name: `pull ${familiarReference(reference)}` };
  try {
    return await asVertex(session, vertex, async () => {
      const { manifest, config, manifestDescriptor } = await registry.pull(reference, platform);
      const diffIds = config.rootfs.diff_ids;
      await Promise.all(
        manifest.layers.map((blob, at) => registry.fetchLayer(reference, { blob, diffId: diffIds[at] as (typeof diffIds)[number] })),
      );
      return manifestDescriptor.digest;
    });
  } finally {
    await registry.close();
  }
}

export async function pushWholeImage(session: Session, text: string): Promise<Digest> {
  const reference = withDefaultTag(parseReference(text));
  const row = await findImage(session, text);
  await refuseIncomplete(session, text, row.target);
  const registry = new RegistryAccess(session);
  const vertex = { id: `push ${text}`, name: `push ${familiarReference(reference)}` };
  try {
    const push = async () => (await openPushTo({ session, registry }, reference)).finish(row.target);
    return (await asVertex(session, vertex, push)).digest;
  } finally {
    await registry.close();
  }
}

/** An index that was pulled for one platform names manifests that never came here. */
async function refuseIncomplete(session: Session, text: string, target: Descriptor): Promise<void> {
  for (const manifest of await platformManifests(session, target)) {
    const image = await openImage(session, manifest, manifest.platform ?? { os: 'linux', architecture: 'amd64' });
    if (image !== null) continue;
    throw new TsbuildError({
      code: 'build/no-such-image',
      message: `${text} is an index, and its manifest ${manifest.digest.slice(0, 19)} is not in the store`,
      hint: 'build or pull the other platforms, or push a single-platform image',
    });
  }
}
