// The two files that every step sees instead of the image's own.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecOp } from '../../../graph/op.ts';
import type { ProvidedFile } from '../mounts/mount-content.ts';
import { DEFAULT_HOSTNAME, hostsText } from './hosts-file.ts';

/** Written into `directory`, which is the step's; `resolvConf` is the text of that file. */
export function provideFiles(directory: string, { hostname, addHosts }: ExecOp, resolvConf: string): ProvidedFile[] {
  const provide = (name: string, text: string): ProvidedFile => {
    const hostPath = join(directory, name);
    writeFileSync(hostPath, text, { mode: 0o644 });
    return { target: `/etc/${name}`, hostPath };
  };
  return [provide('hosts', hostsText(hostname ?? DEFAULT_HOSTNAME, addHosts ?? [])), provide('resolv.conf', resolvConf)];
}
