// Which blob is being sent, or was sent, to which repository of which host, so that a process sends the same
// bytes to one host only once, however many images and tags share them.
import type { Digest } from '../../core/digest.ts';
import type { Reference } from '../../core/reference.ts';
import type { UploadResult } from './upload-blob.ts';

export class UploadLedger {
  /** By host and digest, then by path. */
  readonly #begun = new Map<string, Map<string, Promise<UploadResult>>>();

  /**
   * Runs `send` unless the same blob went or goes to the same repository; then its result is shared. `send`
   * gets the other repositories of the host that have the blob by then. A failure is forgotten.
   */
  async once(
    { domain, path }: Reference,
    digest: Digest,
    send: (arrived: readonly string[]) => Promise<UploadResult>,
  ): Promise<UploadResult> {
    const key = `${domain} ${digest}`;
    const paths = this.#begun.get(key) ?? new Map<string, Promise<UploadResult>>();
    this.#begun.set(key, paths);
    const known = paths.get(path);
    if (known) return known;
    // Only earlier ones are waited for, so nobody waits in a circle.
    const earlier = [...paths];
    const task = Promise.all(earlier.map(arrival)).then((arrived) => send(arrived.flat()));
    paths.set(path, task);
    try {
      return await task;
    } catch (error) {
      paths.delete(path);
      throw error;
    }
  }
}

/** The path once its upload is done; nothing when it failed. */
const arrival = ([path, done]: readonly [string, Promise<unknown>]): Promise<string[]> =>
  done.then(
    () => [path],
    () => [],
  );
