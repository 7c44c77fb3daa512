// --output type=oci and type=docker: an archive in a file or on stdout, or a layout directory.
import { createWriteStream, realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { PassThrough, type Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { errnoOf, TsbuildError } from '../../core/errors.ts';
import { formatReference } from '../../core/reference.ts';
import { temporaryBeside } from '../../push/assemble/output-file.ts';
import type { OutputSpec } from '../request/build-request.ts';
import { fetchMissingLayers } from './fetch-layers.ts';
import { namesOf } from './names.ts';
import type { FinishedImage, OutputContext } from './outputs.ts';
import { holdLayout } from './writing-to.ts';

type ArchiveSpec = Extract<OutputSpec, { readonly type: 'oci' | 'docker' }>;

export async function writeArchiveOutput(context: OutputContext, output: ArchiveSpec, image: FinishedImage): Promise<void> {
  const { session, request } = context;
  await fetchMissingLayers(context, image.built);
  const [{ writeOciArchive, writeOciDirectory }, { writeDockerArchive }] = await Promise.all([
    import('../../push/assemble/oci-archive.ts'),
    import('../../push/assemble/docker-archive.ts'),
  ]);
  const names = namesOf(request, output).map(formatReference);
  // The layout's index carries the time of each name.
  const epoch = image.built[0]?.plan.epoch;
  const created = epoch === undefined ? session.clock() : epoch * 1000;
  const layout = [{ descriptor: image.descriptor, names, created }];
  if (!output.tar) {
    const directory = resolve(output.dest);
    await holdLayout(session, directory, () => writeOciDirectory(layout, session.blobs, directory, session.signal));
    return;
  }
  const write = output.type === 'oci' ? writeOciArchive : writeDockerArchive;
  await toDestination(output.dest, (out) => write(layout, session.blobs, out, session.signal));
}

/** Writes a file beside its place and moves it there when complete, so of several writers the last wins whole; `-` is stdout. */
export async function toDestination(dest: string, write: (out: Writable) => Promise<void>): Promise<void> {
  if (dest === '-') {
    await toStdout(write);
    return;
  }
  const stats = statSync(dest, { throwIfNoEntry: false });
  // What a link leads to is written, and the link stays.
  const path = stats === undefined ? resolve(dest) : realpathSync(dest);
  // A device or pipe is written in place.
  const special = stats?.isFile() === false;
  const target = special ? path : temporaryBeside(path);
  try {
    await write(createWriteStream(target));
    if (!special) renameSync(target, path);
  } catch (error) {
    if (!special) rmSync(target, { force: true });
    const errno = errnoOf(error);
    if (errno === undefined || error instanceof TsbuildError) throw error;
    throw new TsbuildError({
      code: 'build/output',
      message: `cannot write ${dest} (${errno})`,
      hint: 'choose another destination, or make this one writable',
      cause: error,
    });
  }
}

async function toStdout(write: (out: Writable) => Promise<void>): Promise<void> {
  if (process.stdout.isTTY) {
    throw new TsbuildError({
      code: 'build/output',
      message: 'an archive is not written to a terminal',
      hint: 'give dest=FILE, or redirect stdout',
    });
  }
  // The writer ends its stream; stdout itself stays open.
  const through = new PassThrough();
  through.pipe(process.stdout, { end: false });
  await write(through);
  await finished(through);
}
