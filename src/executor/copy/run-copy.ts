// Streams a planned copy into a layer, in one pass: each file is read once, straight into the tar.

import { invariant } from '../../core/errors.ts';
import type { LayerResult } from '../executor.ts';
import type { LayerContent, LayerSink } from '../layer/layer-sink.ts';
import type { ContentSource } from './inode.ts';
import type { CopyPlan } from './plan-copy.ts';

/** The finished layer. On any error the sink is aborted and nothing stays. */
export async function runCopy(plan: CopyPlan, sink: LayerSink, signal?: AbortSignal): Promise<LayerResult> {
  try {
    for (const { entry, content } of plan.entries()) {
      signal?.throwIfAborted();
      await sink.add(entry, content === null ? undefined : contentOf(content));
    }
    return await sink.finish();
  } catch (error) {
    await sink.abort();
    throw error;
  }
}

function contentOf(content: ContentSource): LayerContent {
  switch (content.type) {
    case 'tree':
      return content.tree.hostPath(content.path);
    case 'host':
      return content.path;
    case 'bytes':
      return content.bytes;
    default:
      invariant(false, `content of type ${content.type} cannot be read`);
  }
}
