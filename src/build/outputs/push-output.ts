// Pushes of a build: opened before the first step, fed with layers while steps run, finished with the
// manifests. A large layer begins to be sent while it is still being written.
import type { Descriptor, LayerRef } from '../../core/descriptor.ts';
import { TsbuildError } from '../../core/errors.ts';
import { familiarReference, formatReference, parseReference, type Reference } from '../../core/reference.ts';
import type { VertexId } from '../../graph/vertex.ts';
import type { EarlyUpload } from '../../push/registry/early-upload.ts';
import type { PushSession } from '../../push/registry/push-session.ts';
import type { OutputSpec } from '../request/build-request.ts';
import type { LayerFollower } from '../solve/layer.ts';
import { namesOf } from './names.ts';
import type { FinishedImage, OutputContext } from './outputs.ts';

type ImageSpec = Extract<OutputSpec, { readonly type: 'image' }>;

export interface Pushes {
  /** Sends the layer that `vertex` is about to write as it grows; null when none of `outputs` is pushed. */
  follow(vertex: VertexId, outputs: readonly ImageSpec[]): LayerFollower | null;
  /** A layer of the result as `output` ships it, sent as soon as it is made. `vertex` when it ships what that wrote. */
  layer(output: ImageSpec, vertex: VertexId | null, made: Promise<LayerRef>): void;
  finish(output: ImageSpec, image: FinishedImage): Promise<void>;
}

export async function openPushes(context: OutputContext): Promise<Pushes> {
  const sessions = new Map<string, PushSession>();
  for (const output of context.request.outputs) {
    if (output.type !== 'image' || !output.push) continue;
    const names = pushNames(context, output);
    for (const name of names)
      if (!sessions.has(formatReference(name))) sessions.set(formatReference(name), await openPushTo(context, name));
  }
  // By vertex and name: what was begun before the layer was whole.
  const begun = new Map<VertexId, ReadonlyMap<string, EarlyUpload>>();
  return {
    follow(vertex, outputs) {
      const names = outputs.filter(({ push }) => push).flatMap((output) => pushNames(context, output));
      if (names.length === 0) return null;
      // The first of each registry: its other repositories get the blob from that one.
      const byDomain = new Map(names.toReversed().map((name) => [name.domain, formatReference(name)]));
      const uploads = new Map<string, EarlyUpload>();
      for (const name of byDomain.values()) {
        const upload = sessions.get(name)?.begin();
        if (upload !== undefined) uploads.set(name, upload);
      }
      begun.set(vertex, uploads);
      return {
        grown(path, size) {
          for (const upload of uploads.values()) upload.grown(path, size);
        },
        abandon() {
          for (const upload of uploads.values()) upload.abandon();
        },
      };
    },
    layer(output, vertex, made) {
      if (!output.push) return;
      const names = pushNames(context, output).map(formatReference);
      made.then(
        ({ blob }) => {
          for (const name of names) sessions.get(name)?.ahead(blob, vertex === null ? undefined : begun.get(vertex)?.get(name));
        },
        () => undefined,
      );
    },
    async finish(output, image) {
      await Promise.all(
        pushNames(context, output).map(async (name) => {
          await sessions.get(formatReference(name))?.finish(image.descriptor);
        }),
      );
    },
  };
}

function pushNames(context: OutputContext, output: ImageSpec): readonly Reference[] {
  const names = namesOf(context.request, output);
  if (names.length === 0)
    throw new TsbuildError({
      code: 'build/output',
      message: 'there is nothing to push to: the image has no name',
      hint: 'name it with -t REGISTRY/NAME[:TAG]',
    });
  return names;
}

export async function openPushTo(
  { session, registry }: Pick<OutputContext, 'session' | 'registry'>,
  reference: Reference,
): Promise<PushSession> {
  const [{ openPush }, client] = await Promise.all([import('../../push/registry/push-session.ts'), registry.client()]);
  const { emit, clock } = session;
  const id = (digest: string): string => `push ${familiarReference(reference)} ${digest}`;
  return openPush(reference, {
    client,
    store: session.blobs,
    index: session.index,
    signal: session.signal,
    fetchMissing: async (blob: Descriptor) => {
      const [location] = session.index.locations(blob.digest);
      if (location !== undefined) await client.fetchBlob(parseReference(location), blob, session.blobs, { signal: session.signal });
    },
    onProgress: ({ digest, current, total }) =>
      emit({ type: 'progress', id: id(digest), action: 'push', digest, current, total, done: false, time: clock() }),
    onBlob: ({ digest, size }, result) =>
      emit({
        type: 'progress',
        id: id(digest),
        action: 'push',
        digest,
        current: result.type === 'uploaded' ? size : 0,
        total: size,
        done: true,
        time: clock(),
      }),
  });
}
